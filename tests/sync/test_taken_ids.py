"""An id that comes under two integrations stays with the first: nothing moves between customers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from syncer.domain.records.record import Poison
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.state import Outcome
from syncer.domain.streams.stream import Mode
from syncer.operations.quarantine import list_quarantine, retry_quarantine
from syncer.operations.reproject import reproject
from syncer.simulator.company.company import Company
from syncer.simulator.server import faults
from syncer.simulator.server.faults import Match
from syncer.store.schema.mirror_tables import MIRROR
from syncer.store.state.quarantine import keep_in_quarantine
from tests.support.records import NOW
from tests.support.world import MakeWorld, World

EMPLOYEES, JOBS = "hris_employees", "ats_jobs"
QUESTIONS = "ats_screening_questions"


def companies(world: World) -> tuple[Company, Company]:
    first, second = world.environment.companies.values()
    return first, second


def serve_with(world: World, company: Company, model: str, change: Callable[[Any], None]) -> None:
    """From now on the first record of the company's list is changed in this way."""

    def rewrite(answer: Any) -> Any:
        if answer["status"] == "success" and answer["data"]["results"]:
            change(answer["data"]["results"][0])
        return answer

    match = Match(integration=company.integration_id, model=model)
    world.environment.faults.add(match, faults.rewritten(rewrite), None)


def clash(world: World) -> tuple[Company, Company, str]:
    """Let the second company's first employee have the id of one of the first company."""
    first, second = companies(world)
    taken = first.ids(EMPLOYEES)[1]

    def change(record: Any) -> None:
        record["id"] = taken
        record["job_title"] = "Of the second company"

    serve_with(world, second, EMPLOYEES, change)
    return first, second, taken


def rows(world: World, table: str = EMPLOYEES) -> list[Any]:
    with world.database() as connection:
        return list(connection.execute(select(MIRROR[table]).order_by(*MIRROR[table].primary_key)).all())


def of(world: World, company: Company, model: str = EMPLOYEES) -> Any:
    """Read the stream, and check its counters against its rows."""
    stream = world.streams()[StreamKey(company.integration_id, model)]
    own = [row for row in rows(world, model) if row.integration_id == company.integration_id]
    live = [row for row in own if row.remote_deleted_at is None]
    assert (stream.rows_live, stream.rows_deleted) == (len(live), len(own) - len(live))
    return stream


async def entries(world: World) -> list[tuple[str, str, str]]:
    async with world.app() as app:
        return [(each.integration_id, each.key, each.reason) for each in list_quarantine(app)]


@pytest.mark.parametrize("order", ["one after the other", "the other way round", "at once"])
async def test_the_second_integrations_record_is_quarantined_and_the_first_ones_row_stays(
    make_world: MakeWorld, order: str
) -> None:
    world = make_world(integrations=2, records=300, sync={"models": [EMPLOYEES]})
    first, second, taken = clash(world)
    everybody = [first.integration_id, second.integration_id]
    turns = {"one after the other": [everybody[:1], everybody[1:]], "at once": [everybody]}
    for integrations in turns.get(order, [everybody[1:], everybody[:1]]):
        await world.run(Mode.BACKFILL, integrations=integrations)
    (row,) = [each for each in rows(world) if each.id == taken]
    winner, loser = (first, second) if row.integration_id == first.integration_id else (second, first)
    assert order == "at once" or (winner is first) == (order == "one after the other")
    assert (row.job_title == "Of the second company") == (winner is second)
    before = rows(world), rows(world, "hris_employees_groups")
    for mode in (Mode.SYNC, Mode.RESTART):
        await world.run(mode)
        assert (rows(world), rows(world, "hris_employees_groups")) == before, "nothing moves"
        assert await entries(world) == [(loser.integration_id, taken, "id_taken")]
        assert (of(world, winner).state, of(world, loser).state) == ("complete", "incomplete")
        outcomes = (of(world, winner).last_outcome, of(world, loser).last_outcome)
        assert outcomes == (Outcome.COMPLETE, Outcome.INCOMPLETE)


async def test_a_record_that_comes_when_its_id_is_free_again_leaves_the_quarantine(
    make_world: MakeWorld,
) -> None:
    world = make_world(integrations=2, records=300, sync={"models": [EMPLOYEES]})
    first, second, taken = clash(world)
    await world.run(integrations=[first.integration_id])
    await world.run(integrations=[second.integration_id])
    with world.mirror.open() as (_, connection):
        table = MIRROR[EMPLOYEES]
        connection.execute(table.delete().where(table.c.integration_id == first.integration_id))
    results = await world.run(Mode.RESTART, integrations=[second.integration_id])
    assert [each.counts.created for each in results] == [1]
    (row,) = [each for each in rows(world) if each.id == taken]
    assert (row.integration_id, row.job_title) == (second.integration_id, "Of the second company")
    assert await entries(world) == []
    assert of(world, second).state == "complete"


async def test_neither_another_try_nor_a_reprojection_takes_the_id(make_world: MakeWorld) -> None:
    world = make_world(integrations=2, records=300, sync={"models": [EMPLOYEES]})
    first, second, taken = clash(world)
    await world.run(integrations=[first.integration_id])
    await world.run(integrations=[second.integration_id])
    before = rows(world)
    expected = [(second.integration_id, taken, "id_taken")]
    async with world.app() as app:
        await reproject(app)
    assert await entries(world) == expected
    world.environment.faults.clear()
    # Asked by its id the second company knows no such record; so it is served with it.
    reply = {**second.rows(EMPLOYEES)[0], "id": taken}
    world.environment.faults.add(
        Match(second.integration_id, EMPLOYEES), faults.reshaped({"next": None, "results": [reply]}), 1
    )
    async with world.app() as app:
        (refreshed,) = (await retry_quarantine(app, [], []))[StreamKey(second.integration_id, EMPLOYEES)]
    assert (refreshed.became, refreshed.reason) == ("quarantined", "id_taken")
    assert (rows(world), await entries(world)) == (before, expected)


async def test_a_reprojection_drops_no_entry_because_another_integration_has_a_row_with_its_id(
    make_world: MakeWorld,
) -> None:
    world = make_world(integrations=2, records=300, sync={"models": [EMPLOYEES]})
    first, second = companies(world)
    await world.sync()
    row = first.rows(EMPLOYEES)[0]
    poison = Poison(row["id"], "could not be read by an older version", json.dumps(row))
    key = StreamKey(second.integration_id, EMPLOYEES)
    with world.mirror.open() as (_, connection):
        keep_in_quarantine(connection, "default", key, "run", NOW, [poison], [], [])
    async with world.app() as app:
        await reproject(app)
    assert await entries(world) == [(second.integration_id, row["id"], poison.reason)]


async def test_a_deleted_row_keeps_its_id_and_what_kombo_blanks_of_another_does_not_touch_it(
    make_world: MakeWorld,
) -> None:
    world = make_world(
        integrations=2,
        records=300,
        sync={"models": [EMPLOYEES]},
        deletions={"after_anonymisation": "keep"},
    )
    first, second, taken = clash(world)
    first.delete(EMPLOYEES, taken)
    await world.run(integrations=[first.integration_id])
    before = rows(world)
    await world.run(integrations=[second.integration_id])
    own = [each for each in rows(world) if each.integration_id == first.integration_id]
    assert own == before
    blank = dict.fromkeys(second.rows(EMPLOYEES)[0])
    world.environment.faults.clear()

    def change(record: Any) -> None:
        record.update({**blank, "id": taken, "remote_deleted_at": "2031-03-09T12:00:00.000Z"})

    serve_with(world, second, EMPLOYEES, change)
    await world.run(Mode.RESTART, integrations=[second.integration_id])
    assert [each for each in rows(world) if each.integration_id == first.integration_id] == before
    assert await entries(world) == [(second.integration_id, taken, "id_taken")]


async def test_a_shared_child_of_another_integration_stays_and_its_carrier_is_not_whole(
    make_world: MakeWorld,
) -> None:
    world = make_world(integrations=2, records=1_500, sync={"models": [JOBS]})
    first, second = companies(world)
    await world.run(integrations=[first.integration_id])
    taken = rows(world, QUESTIONS)[0]

    def change(record: Any) -> None:
        record["screening_questions"] = [{"id": taken.id, "title": "Of the second company"}]

    serve_with(world, second, JOBS, change)
    await world.run(integrations=[second.integration_id])
    note = f"id_taken: {taken.id} of {QUESTIONS}"
    for mode in (Mode.SYNC, Mode.RESTART):
        await world.run(mode)
        assert [each for each in rows(world, QUESTIONS) if each.id == taken.id] == [taken]
        assert [(each[0], each[2]) for each in await entries(world)] == [(second.integration_id, note)]
        assert of(world, second, JOBS).state == "incomplete"
    async with world.app() as app:
        await reproject(app)
    assert len(await entries(world)) == 1
    with world.mirror.open() as (_, connection):
        table = MIRROR[QUESTIONS]
        connection.execute(table.delete().where(table.c.id == taken.id))
    await world.run(Mode.RESTART, integrations=[second.integration_id])
    (freed,) = [each for each in rows(world, QUESTIONS) if each.id == taken.id]
    assert (freed.integration_id, freed.title) == (second.integration_id, "Of the second company")
    assert await entries(world) == []
    assert of(world, second, JOBS).state == "complete"
