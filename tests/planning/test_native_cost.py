"""Native lists among all streams: what they cost, whose turn it is, and what is told of them."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from syncer.domain.native.call import Call
from syncer.domain.streams.state import Outcome
from syncer.domain.streams.stream import Mode
from syncer.operations.passthrough import passthrough
from syncer.operations.plan import plan
from syncer.operations.status import status
from syncer.operations.sync import sync
from syncer.planning.cost import Command
from syncer.simulator.company.company import Company
from syncer.simulator.server import faults
from syncer.simulator.server.faults import Match
from syncer.simulator.server.limit import RateLimit
from syncer.sync.permits import SHORTLY
from tests.support.native_lists import (
    EMPLOYEES,
    ENTRIES,
    HISTORY,
    PEOPLE,
    asked,
    entries,
    history,
    only,
    people,
    remote_ids,
    select,
    stream,
    view,
)
from tests.support.waiting import PATIENCE
from tests.support.world import MakeNative, World

LEASE = timedelta(seconds=60)


def planned(world: World, command: Command = Command.SYNC, **changes: Any) -> dict[str, Any]:
    app = world.app(**changes)
    try:
        return plan(app, [command])["default"]
    finally:
        app.database.close()


def cost(world: World, name: str, command: Command = Command.SYNC) -> Any:
    """What a command costs of a list."""
    told = planned(world, command)["commands"][command.value]["models"]
    return next(each for each in told if each["model"] == name)


async def test_a_list_is_planned_with_the_requests_that_it_took_the_last_time(
    make_native: MakeNative,
) -> None:
    world = make_native(history(), entries(), sync={"models": [EMPLOYEES]})
    app = world.app()
    app.migrate()
    app.database.close()
    # Nobody knows yet how many there will be.
    assert cost(world, HISTORY)["requests"] == 1
    assert cost(world, HISTORY)["estimated"] == 1
    results = {each.key.model: each for each in await world.sync()}
    for name in (HISTORY, ENTRIES):
        assert results[name].pages > 2
        assert cost(world, name)["requests"] == results[name].pages
        assert cost(world, name)["rows"] == len(view(world, name))
        assert cost(world, name, Command.BACKFILL)["skipped"] == 1
    before = len(world.environment.requests)
    await world.sync(models=[HISTORY, ENTRIES])
    told = sum(cost(world, name)["requests"] for name in (HISTORY, ENTRIES))
    assert told == len(asked(world, before))


async def test_a_list_that_was_left_in_the_middle_costs_what_is_left(make_native: MakeNative) -> None:
    world = make_native(history())
    (whole,) = await world.sync(models=[HISTORY])
    world.environment.faults.add(Match(call="GET /bulk*"), faults.native_answer(403, {}), None, after=2)
    assert (await only(world, HISTORY)).outcome is Outcome.FAILED
    assert cost(world, HISTORY)["requests"] == whole.pages - 2


async def test_the_schedule_counts_each_turn_of_a_list_as_a_whole_one(make_native: MakeNative) -> None:
    world = make_native(history(every="2h"), sync={"models": [EMPLOYEES], "every": "1h"})
    results = {each.key.model: each for each in await world.sync()}
    told = {each["model"]: each for each in planned(world)["schedule"]["models"]}
    assert told[HISTORY] == {
        "model": HISTORY,
        "every": "2h",
        "streams": 1,
        "requests_a_day": 12 * results[HISTORY].pages,
    }
    assert told[EMPLOYEES]["requests_a_day"] == 24


async def test_status_and_freshness_tell_of_native_lists_as_of_models(make_native: MakeNative) -> None:
    world = make_native(people(), entries(), sync={"models": [EMPLOYEES]})
    await world.sync()
    app = world.app()
    try:
        shown = status(app)
    finally:
        app.database.close()
    told = {each["model"]: each for each in shown["streams"]}
    fresh = {
        model: (state, live, deleted)
        for model, state, live, deleted in select(
            world, "SELECT model, state, rows_live, rows_deleted FROM mirror_freshness"
        )
    }
    assert shown["is_well"]
    for name in (PEOPLE, ENTRIES):
        rows = len(view(world, name))
        assert (told[name]["state"], told[name]["rows_live"], told[name]["rows_deleted"]) == (
            "complete",
            rows,
            0,
        )
        complete_as_of = datetime.fromisoformat(told[name]["complete_as_of"])
        assert timedelta(0) <= world.clock.now() - complete_as_of < timedelta(minutes=1)
        assert told[name]["lag_seconds"] >= 0
        assert fresh[name] == ("complete", rows, 0)
    world.environment.faults.add(Match(call="POST *"), faults.native_answer(403, {}))
    await only(world, PEOPLE)
    assert select(world, "SELECT state FROM mirror_freshness WHERE model = 'people'") == [("failed",)]


class Waits(list[float]):
    """What the program asked to sleep; begun: it has, and not only until a lease is to be renewed."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = asyncio.Event()

    def append(self, seconds: float) -> None:
        super().append(seconds)
        if seconds not in (LEASE.total_seconds() / 3, SHORTLY):
            self.begun.set()


@pytest.mark.parametrize("listed", [people(), history(limit=1)], ids=["POST", "GET"])
async def test_lists_leave_the_reserve_alone_whatever_their_method(
    make_native: MakeNative, listed: dict[str, Any]
) -> None:
    world = make_native(listed, budget={"reserve": 4})
    world.environment.limit = RateLimit(lambda: 0.0, limit=10)
    world.waits = waits = Waits()
    async with world.app() as app:
        running = asyncio.create_task(_for_ever(app, listed["name"]))
        await asyncio.wait_for(waits.begun.wait(), PATIENCE)
        assert len(world.environment.requests) == 6
        assert asked(world)
        # It is there for a call that writes.
        (integration,) = world.environment.integrations
        answer = await passthrough(app, Call("hibob/v1", "DELETE", "/people/1"), integration)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert answer.status == 404
    assert len(world.environment.requests) == 7


async def _for_ever(app: Any, name: str) -> None:
    while True:
        await sync(app, Mode.SYNC, models=[name])


async def test_lists_of_several_integrations_go_on_side_by_side(make_native: MakeNative) -> None:
    world = make_native(history(limit=1))
    other = "hibob:zzzzzzzzzzzzzzzzzzzzzzzz"
    world.environment.add(Company(other, world.clock, seed=8, records=300))
    await world.sync(models=[HISTORY])
    order = [each.integration_id for each in asked(world)]
    changes = sum(one != next_one for one, next_one in pairwise(order))
    assert changes > len(order) / 4
    keys = {key.integration_id for key in world.streams() if key.model == HISTORY}
    assert keys == set(world.environment.integrations)
    rows = select(world, "SELECT integration_id, record_key FROM work_history")
    assert len(rows) == len(set(rows)) > len(remote_ids(world))


async def test_a_list_covers_the_integrations_that_its_globs_name(make_native: MakeNative) -> None:
    world = make_native(history(integrations=["hibob:z*"]))
    other = "hibob:zzzzzzzzzzzzzzzzzzzzzzzz"
    world.environment.add(Company(other, world.clock, seed=8, records=300))
    (result,) = await world.sync(models=[HISTORY])
    assert result.key == (other, HISTORY)
    assert {each.integration_id for each in asked(world)} == {other}


async def test_what_changes_of_a_list_is_remembered_for_its_interval(make_native: MakeNative) -> None:
    world = make_native(people())
    await world.sync(models=[PEOPLE])
    world.clock_offset += timedelta(hours=1)
    await world.sync(models=[PEOPLE])
    seen = stream(world, PEOPLE).changes_seen
    assert seen.changes == 0
    assert seen.watched == pytest.approx(3_600, rel=0.01)
