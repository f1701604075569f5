"""Pages of one walk act on each other: what the walk as a whole says counts, in whatever order they come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Literal

import pytest
from sqlalchemy import select

from syncer.domain.streams.state import Outcome
from syncer.domain.streams.stream import Kind, Mode
from syncer.operations.sync import sync
from syncer.simulator.company.company import Company
from syncer.simulator.server import faults
from syncer.simulator.server.faults import Match
from syncer.simulator.server.paging import Paging
from syncer.simulator.server.request_log import RequestInfo
from syncer.store.schema.mirror_tables import missing, quarantine
from syncer.sync.context import Progress
from syncer.sync.page import store_page
from tests.support.databases import ON_SQLITE
from tests.support.mirror import Record
from tests.support.world import MakeWorld, World

EMPLOYEES, GROUPS = "hris_employees", "hris_groups"
#: Changes to a record as it comes: those of its first page, and those of its second.
Versions = tuple[dict[str, Any], dict[str, Any]]


def company(world: World) -> Company:
    (only,) = world.environment.companies.values()
    return only


def keys(world: World, table: Any = quarantine) -> list[str]:
    column = table.c.record_key if table is quarantine else table.c.record_id
    with world.database() as connection:
        return sorted(connection.execute(select(column)).scalars())


def change_page(world: World, page: int, change: Callable[[list[Record]], None], model: str = GROUPS) -> None:
    """From now on the page of that number has other records."""

    def rewrite(answer: Any) -> Any:
        change(answer["data"]["results"])
        return answer

    world.environment.faults.add(Match(model=model, page=page), faults.rewritten(rewrite), None)


@pytest.fixture
def two_pages(make_world: MakeWorld) -> World:
    """A company whose groups come in two pages."""
    world = make_world(records=2_000)
    world.settings["kombo"] = {"page_size": len(company(world).ids(GROUPS, include_deleted=True)) // 2 + 1}
    return world


async def read_ahead(world: World, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Do a full walk of two pages in which the second page is compared before the first one is stored."""
    async with world.app() as app:
        ahead = asyncio.Event()
        before = len(world.environment.asked_for(GROUPS))
        ask, write = app.database.ask, app.database.write

        async def asking(work: Any) -> Any:
            both = len(world.environment.asked_for(GROUPS)) == before + 2
            try:
                return await ask(work)
            finally:
                if both:
                    ahead.set()

        async def writing(work: Any) -> Any:
            if getattr(work, "func", None) is store_page:
                await ahead.wait()
            return await write(work)

        monkeypatch.setattr(app.database, "ask", asking)
        monkeypatch.setattr(app.database, "write", writing)
        (result,) = await sync(app, Mode.RESTART, models=[GROUPS])
    return result


def serve_twice(world: World, versions: Versions) -> str:
    """Serve a record of the first page on the second one, too, and in other versions; give its id."""
    first, second = versions
    kept: list[Record] = []

    def on_first(results: list[Record]) -> None:
        kept[:] = [dict(results[0])]
        results[0].update(first)

    change_page(world, 1, on_first)
    change_page(world, 2, lambda results: results.append({**kept[0], **second}))
    return min(company(world).ids(GROUPS, include_deleted=True))


CHANGED: dict[str, Any] = {"name": "Changed"}
UNREADABLE: dict[str, Any] = {"name": "a\0b"}


@pytest.mark.parametrize(
    ("versions", "name", "is_quarantined"),
    [
        pytest.param((CHANGED, {}), None, False, id="changed and back"),
        pytest.param(({}, CHANGED), "Changed", False, id="changed"),
        pytest.param((UNREADABLE, {}), None, False, id="unreadable and well"),
        pytest.param(({}, UNREADABLE), None, True, id="well and unreadable"),
        pytest.param((UNREADABLE, CHANGED), "Changed", False, id="unreadable and changed"),
    ],
)
async def test_what_the_second_page_says_of_a_record_counts_though_it_is_compared_ahead(
    two_pages: World,
    monkeypatch: pytest.MonkeyPatch,
    versions: Versions,
    name: str | None,
    is_quarantined: bool,
) -> None:
    world = two_pages
    await world.sync(models=[GROUPS])
    record = serve_twice(world, versions)
    before = world.rows(GROUPS, company(world).integration_id)[record]
    result = await read_ahead(world, monkeypatch)
    assert result.outcome is (Outcome.INCOMPLETE if is_quarantined else Outcome.COMPLETE)
    after = world.rows(GROUPS, company(world).integration_id)[record]
    assert after == {**before, "name": name or before["name"]}
    assert keys(world) == [record] * is_quarantined
    assert world.streams()[result.key].state == ("incomplete" if is_quarantined else "complete")


@pytest.mark.parametrize(
    ("versions", "name", "is_quarantined"),
    [
        pytest.param((CHANGED, {}), None, False, id="changed and back"),
        pytest.param(({}, CHANGED), "Changed", False, id="changed"),
        pytest.param((UNREADABLE, {}), None, False, id="unreadable and well"),
        pytest.param(({}, UNREADABLE), None, True, id="well and unreadable"),
    ],
)
async def test_of_two_records_with_one_id_on_a_page_the_later_one_counts(
    make_world: MakeWorld, versions: Versions, name: str | None, is_quarantined: bool
) -> None:
    world = make_world(records=300)
    await world.sync(models=[GROUPS])
    record = min(company(world).ids(GROUPS, include_deleted=True))
    before = world.rows(GROUPS, company(world).integration_id)[record]
    first, second = versions

    def twice(results: list[Record]) -> None:
        results.append({**results[0], **second})
        results[0].update(first)

    change_page(world, 1, twice)
    (result,) = await world.run(Mode.RESTART, models=[GROUPS])
    after = world.rows(GROUPS, company(world).integration_id)[record]
    assert after == {**before, "name": name or before["name"]}
    assert keys(world) == [record] * is_quarantined
    assert result.counts.quarantined == is_quarantined


@ON_SQLITE
@pytest.mark.parametrize("style", ["keyset", "offset"])
async def test_a_walk_is_repeated_though_nothing_but_new_records_follows_the_one_that_moved(
    make_world: MakeWorld, style: Literal["keyset", "offset"]
) -> None:
    world = make_world(records=2_500, kombo={"page_size": 20}, sync={"models": [EMPLOYEES]})
    world.environment.paging = Paging(order="changed_at", style=style)
    firm = company(world)
    for each in firm.ids(EMPLOYEES, include_deleted=True)[60:]:
        firm.vanish(EMPLOYEES, each)
    oldest = min(firm.rows(EMPLOYEES), key=lambda row: (row["changed_at"], row["id"]))["id"]

    def happen(asked: RequestInfo) -> None:
        # The page that was asked for last has been made up; the two before it are stored or about to be.
        if asked.model == EMPLOYEES and asked.page == 2:
            world.environment.between_pages = None
            world.clock.advance(timedelta(seconds=1))
            firm.update(EMPLOYEES, oldest, job_title="Moved behind all others")
            world.clock.advance(timedelta(seconds=1))
            for number in range(25):
                firm.add(EMPLOYEES, {"first_name": f"New {number}"})

    world.environment.between_pages = happen
    await world.sync()
    begun = [each for each in world.environment.asked_for(EMPLOYEES) if "cursor" not in each.params]
    assert len(begun) == 2, "the walk was repeated"
    world.assert_equal([EMPLOYEES])


@pytest.mark.parametrize("page", [1, 2])
async def test_a_held_row_that_any_page_serves_unchanged_is_held_no_longer(
    two_pages: World, page: int
) -> None:
    world = two_pages
    world.settings["deletions"] = {"max_rows": 0, "max_share": 0.0}
    await world.sync(models=[GROUPS])
    ids = sorted(company(world).ids(GROUPS, include_deleted=True))
    back, gone = ids[0 if page == 1 else -1], ids[1]
    for each in (back, gone):
        company(world).vanish(GROUPS, each)
    (result,) = await world.run(Mode.RESTART, models=[GROUPS])
    assert (result.outcome, keys(world, missing)) == (Outcome.HELD, sorted([back, gone]))
    company(world).restore(GROUPS, back, at=world.clock.now() - timedelta(days=300))
    app = world.app()

    def stop(progress: Progress) -> None:
        if progress.step == "page" and progress.pages == page:
            app.stopping.set()

    async with app:
        (result,) = await sync(app, Mode.RESTART, models=[GROUPS], report=stop)
    assert (result.counts.unchanged > 0, result.counts.written) == (True, 0)
    assert keys(world, missing) == [gone], "before any sweep"


async def test_a_held_walk_keeps_the_quarantine_entries_that_it_did_not_meet(make_world: MakeWorld) -> None:
    world = make_world(records=300, deletions={"max_rows": 0, "max_share": 0.0})
    await world.sync(models=[GROUPS])
    poor, gone, *_ = sorted(company(world).ids(GROUPS))

    def spoil(results: list[Record]) -> None:
        for each in results:
            each.update(UNREADABLE if each["id"] == poor else {})

    change_page(world, 1, spoil)
    await world.run(Mode.RESTART, models=[GROUPS])
    assert keys(world) == [poor]
    for each in (poor, gone):
        company(world).vanish(GROUPS, each)
    (result,) = await world.run(Mode.RESTART, models=[GROUPS])
    assert (result.outcome, keys(world)) == (Outcome.HELD, [poor])
    await world.run(Mode.APPROVE, models=[GROUPS])
    (result,) = await world.run(Mode.RESTART, models=[GROUPS])
    assert (result.outcome, keys(world)) == (Outcome.COMPLETE, [])


async def test_progress_of_an_incremental_walk_names_no_total(make_world: MakeWorld) -> None:
    world = make_world(records=900, kombo={"page_size": 5})
    expected: list[tuple[Kind | None, int | None]] = []

    def note(progress: Progress) -> None:
        if progress.step in {"begun", "page"}:
            expected.append((progress.kind, progress.expected))

    await world.sync(models=[EMPLOYEES], report=note)
    assert set(expected) == {(Kind.FULL, None)}, "nobody knows yet"
    rows = len(world.rows(EMPLOYEES, company(world).integration_id))
    for each in company(world).ids(EMPLOYEES)[:12]:
        company(world).update(EMPLOYEES, each, job_title="Changed")
    for mode, known in ((Mode.SYNC, (Kind.INCREMENTAL, None)), (Mode.RESTART, (Kind.FULL, rows))):
        expected.clear()
        await world.sync(mode=mode, models=[EMPLOYEES], report=note)
        assert len(expected) > 2
        assert set(expected) == {known}
