"""What the service does about webhooks: runs because of them, soon, few, and none forgotten."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, Protocol

import pytest
from sqlalchemy import select, update

from syncer.domain.stream_key import StreamKey
from syncer.domain.webhooks.pauses import FIRST
from syncer.simulator.server.faults import Late, Match, kombo_error
from syncer.simulator.server.limit import RateLimit
from syncer.store.schema.mirror_tables import MIRROR, streams
from tests.support.kept_back import kept_back
from tests.support.mirror import Mirror
from tests.support.source import make_environment
from tests.support.told_service import ToldService
from tests.support.webhooks import data_changed

GROUPS, EMPLOYEES = "hris_groups", "hris_employees"


class MakeTold(Protocol):
    """Makes a world of so many integrations."""

    def __call__(self, *, integrations: int = 1, **settings: Any) -> ToldService: ...


@pytest.fixture
def make_told(migrated_url: str) -> MakeTold:
    """Makes worlds on both databases."""

    def make(*, integrations: int = 1, **settings: Any) -> ToldService:
        return ToldService(
            make_environment(integrations=integrations, records=120), Mirror(migrated_url), settings
        )

    return make


@pytest.fixture
def told(make_told: MakeTold) -> ToldService:
    """One integration."""
    return make_told()


def rename(world: ToldService, name: str) -> tuple[StreamKey, str]:
    """Rename a group at the source; give its stream and id."""
    company = world.company
    id = company.ids(GROUPS)[0]
    company.update(GROUPS, id, name=name)
    return StreamKey(company.integration_id, GROUPS), id


def name_of(world: ToldService, id: str) -> str | None:
    with world.database() as connection:
        table = MIRROR[GROUPS]
        return connection.execute(select(table.c.name).where(table.c.id == id)).scalar_one_or_none()


async def change_and_see(world: ToldService, name: str) -> StreamKey:
    """Rename a group, tell of it, and wait until it is in the mirror; give its stream."""
    key, id = rename(world, name)
    await world.tell(data_changed(key.integration_id, "hris_teams"))
    await world.until(lambda: name_of(world, id) == name, name)
    await world.until(lambda: all(each.handled_at for each in world.events()), "the answer")
    return key


async def test_a_change_that_is_told_of_is_in_the_mirror_and_its_wait_is_known(told: ToldService) -> None:
    async with told.serving():
        key, id = rename(told, "Told of")
        assert await told.tell(data_changed(key.integration_id, "hris_teams")) == "accepted"
        await told.until(lambda: name_of(told, id) == "Told of", "the change")
        await told.until(lambda: told.events()[0].handled_at, "the end of its run")
        run = told.runs_of(key)[-1]
        [event] = told.events()
        assert run.told_at == event.arrived_at
        assert event.handled_at == run.ended_at
        # The line comes after the transaction.
        [logged] = await told.until(
            lambda: [each for each in told.words("run_ended") if each["run"] == run.id], "the line"
        )
        assert logged["waited"] == pytest.approx((run.ended_at - run.told_at).total_seconds(), abs=0.001)
        stream = told.streams()[key]
        assert (stream.told_at, stream.due_at) == (None, None)
        # The list, and nothing about the integration, which works.
        requests = list(told.environment.requests)
        assert requests[-1].model == GROUPS
        assert [each.model for each in requests[-2:]] != [None, None]


async def test_a_storm_of_events_for_one_stream_causes_few_runs(told: ToldService) -> None:
    """How few a thousand cause is told by the rule of the pauses."""
    async with told.serving():
        key, id = rename(told, "Stormy")
        before = len(told.runs_of(key))
        bodies = [data_changed(key.integration_id, "hris_teams") for _ in range(100)]
        outcomes = await asyncio.gather(*(told.tell(body) for body in bodies))
        assert outcomes == ["accepted"] * len(bodies)
        await told.until(lambda: all(each.handled_at for each in told.events()), "the last answer")
        assert name_of(told, id) == "Stormy"
        assert len(told.events()) == len(bodies)
        assert 1 <= len(told.runs_of(key)) - before <= 3


async def test_an_event_during_a_run_causes_another_run(told: ToldService) -> None:
    async with told.serving():
        key, id = rename(told, "first")
        with kept_back(told.environment, Match(model=GROUPS)) as answer:
            await told.tell(data_changed(key.integration_id, "hris_teams"))
            await told.until(lambda: answer.fired, "the request")
            rename(told, "second")
            await told.tell(data_changed(key.integration_id, "hris_teams"))
        await told.until(lambda: name_of(told, id) == "second", "the second change")
        await told.until(lambda: all(each.handled_at for each in told.events()), "both answers")
        first, second = told.runs_of(key)[-2:]
        assert second.started_at - first.ended_at > 0.9 * FIRST
        assert [first.told_at, second.told_at] == [each.arrived_at for each in told.events()]


async def test_while_there_is_room_changes_soon_after_each_other_wait_for_one_short_pause_each(
    told: ToldService,
) -> None:
    async with told.serving():
        before = None
        for name in ("first", "second", "third", "fourth"):
            key = await change_and_see(told, name)
            run, stream = told.runs_of(key)[-1], told.streams()[key]
            assert stream.pause_until - run.ended_at == FIRST
            if before is not None:
                assert run.started_at >= before
            before = stream.pause_until


async def test_where_little_room_is_left_pauses_grow(told: ToldService) -> None:
    limit = told.environment.limit = RateLimit(lambda: 0.0, limit=1_000, window=60.0)
    async with told.serving():
        # By another user of the key.
        limit.spend(700 - limit.used)
        for name in ("first", "second"):
            key = await change_and_see(told, name)
        assert told.streams()[key].pause_until - told.runs_of(key)[-1].ended_at > FIRST


async def test_a_walk_that_was_begun_before_the_event_does_not_answer_it(told: ToldService) -> None:
    """Its change may stand on a page that the walk has passed."""
    async with told.serving():
        pass
    key = StreamKey(told.company.integration_id, GROUPS)
    # A run that was killed after the first page, which had what is changed now.
    with told.mirror.open() as (database, connection):
        now = database.now(connection)
        connection.execute(
            update(streams)
            .where(streams.c.model == GROUPS)
            .values(
                walk_id="w",
                walk_kind="incremental",
                walk_updated_after="2031-01-01T00:00:00.000Z",
                walk_filters="{}",
                walk_pages=1,
                walk_started_at=now - timedelta(seconds=20),
                walk_began_at=now - timedelta(seconds=20),
            )
        )
    _, id = rename(told, "passed")
    async with told.serving():
        await told.tell(data_changed(key.integration_id, "hris_teams"))
        await told.until(lambda: told.events()[0].handled_at, "the answer")
        assert name_of(told, id) == "passed"
        assert told.runs_of(key)[-1].told_at == told.events()[0].arrived_at
        assert told.runs_of(key)[-2].told_at is None


async def test_events_are_taken_and_done_while_all_workers_are_busy(make_told: MakeTold) -> None:
    told = make_told(integrations=3)
    async with told.serving(
        kombo={"page_size": 2}, sync={"models": [GROUPS, EMPLOYEES], "every": "1d", "concurrency": 1}
    ):
        company, *others = told.environment.companies.values()
        told.environment.faults.add(Match(model=EMPLOYEES), Late(0.3), times=None)
        busy = [StreamKey(each.integration_id, EMPLOYEES) for each in others]
        # Full walks of many slow pages, one after the other.
        with told.mirror.open() as (_, connection):
            connection.execute(
                update(streams)
                .where(streams.c.integration_id.in_([each.integration_id for each in busy]))
                .values(watermark=None, last_full_walk_at=None)
            )
        told.mark(*busy)
        key, id = rename(told, "urgent")
        await told.tell(data_changed(key.integration_id, "hris_teams"))
        await told.until(lambda: name_of(told, id) == "urgent", "the change")
    assert company.integration_id == key.integration_id


async def test_events_are_taken_while_the_request_limit_is_used_up_and_done_once_it_is_not(
    told: ToldService,
) -> None:
    passed = [0.0]
    limit = told.environment.limit = RateLimit(lambda: passed[0], limit=1_000, window=2.0)
    async with told.serving():
        # By another user of the key; no second of the window passes until the test says so.
        limit.spend(limit.limit - limit.used)
        key, id = rename(told, "in the next window")
        assert await told.tell(data_changed(key.integration_id, "hris_teams")) == "accepted"
        await told.until(lambda: limit.refused, "a request that is refused")
        assert await told.tell(data_changed(key.integration_id, "hris_locations")) == "accepted"
        assert name_of(told, id) != "in the next window"
        assert [each.handled_at for each in told.events()] == [None, None]
        passed[0] += limit.window
        await told.until(lambda: all(each.handled_at for each in told.events()), "the answers")
        assert name_of(told, id) == "in the next window"


async def test_events_are_taken_and_done_while_a_sweep_asks_for_what_is_missing(told: ToldService) -> None:
    async with told.serving(sync={"models": [GROUPS, EMPLOYEES], "every": "1d", "concurrency": 1}):
        swept = StreamKey(told.company.integration_id, EMPLOYEES)
        for gone in told.company.ids(EMPLOYEES)[:2]:
            told.company.vanish(EMPLOYEES, gone)
        with told.mirror.open() as (_, connection):
            connection.execute(
                update(streams)
                .where(streams.c.model == EMPLOYEES)
                .values(watermark=None, last_full_walk_at=None)
            )
        sweeps = len(told.ended(swept))
        with kept_back(
            told.environment, Match(model=EMPLOYEES), when=lambda asked: "ids" in asked.params
        ) as answer:
            told.mark(swept)
            await told.until(lambda: answer.fired, "the sweep's question")
            key, id = rename(told, "beside the sweep")
            assert await told.tell(data_changed(key.integration_id, "hris_teams")) == "accepted"
            await told.until(lambda: name_of(told, id) == "beside the sweep", "the change")
        await told.until(lambda: len(told.ended(swept)) > sweeps, "the end of the sweep")
        assert told.streams()[swept].rows_deleted >= 2


async def test_an_event_waits_for_a_failing_stream_until_it_works_again(told: ToldService) -> None:
    async with told.serving():
        key, id = rename(told, "late")
        told.environment.faults.add(
            Match(model=GROUPS), kombo_error(400, "PLATFORM.INPUT_INVALID"), times=None
        )
        await told.tell(data_changed(key.integration_id, "hris_teams", "hris_locations"))
        await told.until(lambda: told.streams()[key].state == "failed", "the failure")
        [event] = told.events()
        assert event.handled_at is None
        assert told.streams()[key].told_at == event.arrived_at
        told.environment.faults.clear()
        await told.tell(data_changed(key.integration_id, "hris_teams"))
        await told.until(lambda: all(each.handled_at for each in told.events()), "the answers")
        assert name_of(told, id) == "late"
        assert told.runs_of(key)[-1].told_at == event.arrived_at
