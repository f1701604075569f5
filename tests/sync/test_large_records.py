"""Records and pages that are larger than what is kept: they cost themselves, and nothing beside them."""

from __future__ import annotations

import json

import msgspec
import pytest

from syncer.domain.limits import MIB, MOST_RECORD_BYTES
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.state import Outcome
from syncer.domain.streams.stream import Mode
from syncer.operations.refresh import refresh
from syncer.operations.reproject import reproject
from syncer.simulator.company.company import Company
from syncer.simulator.server.faults import Mangled, Match
from syncer.simulator.server.large_faults import compressed_bomb, large_records, too_large_above
from syncer.store.state.quarantine import Entry, entries
from syncer.sync.context import Progress
from tests.support.databases import ON_SQLITE
from tests.support.mirror import Record
from tests.support.world import MakeWorld, World

GROUPS, EMPLOYEES = "hris_groups", "hris_employees"


def integration(world: World) -> str:
    (only,) = world.environment.integrations
    return only


def company(world: World) -> Company:
    (only,) = world.environment.companies.values()
    return only


def in_quarantine(world: World) -> list[Entry]:
    with world.database() as connection:
        return entries(connection, "default")


def rows(world: World, model: str = GROUPS) -> dict[str, Record]:
    return world.rows(model, integration(world))


async def test_a_record_that_is_too_large_is_in_quarantine_without_its_document(
    make_world: MakeWorld,
) -> None:
    world = make_world(records=300)
    await world.sync(models=[GROUPS])
    before = rows(world)
    world.environment.faults.add(Match(model=GROUPS), large_records(MOST_RECORD_BYTES), None)
    (result,) = await world.run(Mode.RESTART, models=[GROUPS])
    # Its row stays as it was, and what was seen is not missing.
    assert (result.counts.quarantined, result.counts.deleted) == (1, 0)
    assert rows(world) == before
    (entry,) = in_quarantine(world)
    assert entry.record_id in before
    assert entry.reason.startswith("too large: it has 8,38")
    assert entry.reason.endswith("no more than 8 MiB are kept")
    with world.database() as connection:
        document = connection.exec_driver_sql("SELECT document FROM sync_quarantine").scalar_one()
    assert list(json.loads(document)) == ["withheld"]
    assert world.streams()[StreamKey(integration(world), GROUPS)].state == "incomplete"
    world.environment.faults.clear()
    await world.run(Mode.RESTART, models=[GROUPS])
    assert in_quarantine(world) == []
    assert world.streams()[StreamKey(integration(world), GROUPS)].state == "complete"


async def test_a_record_just_below_the_limit_is_a_row(make_world: MakeWorld) -> None:
    world = make_world(records=300)
    world.environment.faults.add(Match(model=GROUPS), large_records(MOST_RECORD_BYTES - 10_000), None)
    await world.sync(models=[GROUPS])
    assert max(len(json.dumps(each)) for each in rows(world).values()) > MOST_RECORD_BYTES - 10_000


@ON_SQLITE
async def test_a_page_that_is_too_large_is_asked_for_with_fewer_records(make_world: MakeWorld) -> None:
    world = make_world(records=2_000)
    world.environment.faults.add(Match(model=EMPLOYEES), too_large_above(62), None)
    await world.sync(models=[EMPLOYEES])
    world.assert_equal([EMPLOYEES])
    sizes = [int(each.params["page_size"]) for each in world.environment.requests if each.model == EMPLOYEES]
    assert sizes[:2] == [250, 62]
    assert len(sizes) > 2


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
async def test_a_record_that_makes_every_page_too_large_fails_its_stream_alone(make_world: MakeWorld) -> None:
    world = make_world(records=300)
    world.environment.faults.add(Match(model=GROUPS), compressed_bomb(), None)
    results = {each.key.model: each for each in await world.run()}
    failed = results.pop(GROUPS)
    assert failed.outcome is Outcome.FAILED
    assert str(failed.error).endswith("it has more than 64 MiB, the most that is read.")
    assert {each.outcome for each in results.values()} == {Outcome.COMPLETE}
    sizes = [each.params["page_size"] for each in world.environment.requests if each.model == GROUPS]
    assert sizes == ["250", "62", "15", "3", "1"]


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
async def test_records_that_are_looked_up_come_a_few_at_a_time_where_they_are_large(
    make_world: MakeWorld,
) -> None:
    world = make_world(records=300)
    await world.sync(models=[EMPLOYEES])
    wanted = sorted(rows(world, EMPLOYEES))[:10]
    world.environment.faults.add(Match(model=EMPLOYEES), too_large_above(3), None)
    async with world.app() as app:
        refreshed = await refresh(app, integration(world), EMPLOYEES, wanted)
    assert [(each.id, each.became) for each in refreshed] == [(each, "unchanged") for each in wanted]


async def test_large_records_of_one_page_are_all_stored(make_world: MakeWorld) -> None:
    """Together they are more than a statement may have, and the next page has fewer."""
    world = make_world(records=300, kombo={"page_size": 10})
    world.environment.faults.add(Match(model=EMPLOYEES), large_records(3 * MIB, 5), None)
    (result,) = await world.sync(models=[EMPLOYEES])
    assert result.counts.quarantined == 0
    assert set(rows(world, EMPLOYEES)) == set(world.source(EMPLOYEES, company(world)))
    sizes = [int(each.params["page_size"]) for each in world.environment.requests if each.model == EMPLOYEES]
    assert sizes[:2] == [10, 5]


async def test_a_row_that_the_database_writes_with_more_white_space_is_projected_again(
    make_world: MakeWorld,
) -> None:
    world = make_world(records=300)

    def add_numbers(body: bytes) -> bytes:
        page = msgspec.json.decode(body)
        page["data"]["results"][0]["numbers"] = [1] * 3_000_000
        return msgspec.json.encode(page)

    world.environment.faults.add(Match(model=GROUPS), Mangled(add_numbers), None)
    await world.sync(models=[GROUPS])
    before = rows(world)
    async with world.app(privacy={"exclude": ["hris_groups.name"]}) as app:
        await reproject(app, [GROUPS])
    assert in_quarantine(world) == []
    without_names = {
        key: {name: value for name, value in row.items() if name != "name"} for key, row in before.items()
    }
    assert rows(world) == without_names


async def test_large_rows_are_projected_again_a_few_at_a_time(make_world: MakeWorld) -> None:
    world = make_world(records=300)
    world.environment.faults.add(Match(model=EMPLOYEES), large_records(3 * MIB, 9), None)
    await world.sync(models=[EMPLOYEES])
    before = rows(world, EMPLOYEES)
    batches: list[int] = []
    async with world.app() as app:
        await reproject(app, [EMPLOYEES], lambda done: batches.append(done.rows))
    # More than 8 MiB are three of them.
    assert batches[:4] == [0, 3, 6, 9]
    assert batches[-1] == len(before)
    assert rows(world, EMPLOYEES) == before


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
async def test_memory_that_is_too_short_for_a_page_fails_its_stream_alone(make_world: MakeWorld) -> None:
    world = make_world(records=300)

    def run_short(progress: Progress) -> None:
        if progress.key.model == EMPLOYEES and progress.step == "page":
            raise MemoryError

    results = {each.key.model: each for each in await world.run(report=run_short)}
    failed = results.pop(EMPLOYEES)
    assert (failed.outcome, failed.error) == (
        Outcome.FAILED,
        "Memory is too short for a page of hris_employees.",
    )
    assert {each.outcome for each in results.values()} == {Outcome.COMPLETE}
