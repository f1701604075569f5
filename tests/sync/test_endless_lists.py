"""A list that does not end is the error of its stream, after a bounded number of pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from syncer.domain.errors import ListStuck
from syncer.domain.streams.progress import MAX_PAGES_WITHOUT_NEW
from syncer.domain.streams.state import Outcome
from syncer.domain.streams.stream import Kind, Mode, Stream
from syncer.operations import refresh as operation
from syncer.operations.sync import sync
from syncer.simulator.company.company import Company
from syncer.simulator.server.endless import FIGURES, endless
from syncer.simulator.server.faults import Match, rewritten
from syncer.simulator.server.paging import Paging, cursor_to_beginning
from syncer.simulator.server.request_log import RequestInfo
from syncer.sync.context import Progress
from tests.support.databases import ON_SQLITE
from tests.support.world import MakeWorld, World

EMPLOYEES, GROUPS = "hris_employees", "hris_groups"
SMALL_PAGES: dict[str, Any] = {"page_size": 5}
#: Pages that may be asked for beyond those with new records: the pages of grace, and the two read ahead.
MOST = MAX_PAGES_WITHOUT_NEW + 3


def company(world: World) -> Company:
    (only,) = world.environment.companies.values()
    return only


def stream_of(world: World, model: str = EMPLOYEES) -> Stream:
    (found,) = (each for each in world.streams().values() if each.model == model)
    return found


def guard(world: World, requests: int) -> None:
    """Fail the test where the source is asked more often from now on."""
    so_far = len(world.environment.requests)

    def count(_: RequestInfo) -> None:
        assert len(world.environment.requests) <= so_far + requests, "the list is followed for ever"

    world.environment.between_pages = count


@ON_SQLITE
@pytest.mark.parametrize("is_empty", [False, True], ids=["old records", "empty pages"])
@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("kind", Kind)
async def test_a_list_that_does_not_end_fails_its_stream_alone_and_is_begun_anew_when_mended(
    make_world: MakeWorld, kind: Kind, figure: str, is_empty: bool
) -> None:
    world = make_world(records=300, sync={"models": [EMPLOYEES, GROUPS]}, kombo=SMALL_PAGES)
    if kind is Kind.INCREMENTAL:
        await world.sync()
        for each in company(world).ids(EMPLOYEES):
            company(world).update(EMPLOYEES, each, job_title="Changed")
    before = stream_of(world).watermark if kind is Kind.INCREMENTAL else None
    world.environment.faults.add(Match(model=EMPLOYEES), endless(figure, is_empty=is_empty), None)
    # One request is about the integration, and the groups have some pages.
    guard(world, 2 + MOST + len(company(world).known(GROUPS)))
    with capture_logs() as logged:
        results = {each.key.model: each for each in await world.run()}
    assert results[GROUPS].outcome is Outcome.COMPLETE
    assert (results[EMPLOYEES].outcome, results[EMPLOYEES].kind) == (Outcome.FAILED, kind)
    assert f"{EMPLOYEES} of {company(world).integration_id} does not end: " in str(results[EMPLOYEES].error)
    assert [each["log_level"] for each in logged if "does not end" in str(each)] == ["warning"]
    stream = stream_of(world)
    assert (stream.state, stream.watermark, stream.failures) == ("failed", before, 1)
    assert stream.due_at is not None
    assert stream.walk is not None
    assert (stream.walk.kind, stream.walk.cursor, stream.walk.pages) == (kind, None, 0)
    world.environment.faults.clear()
    guard(world, 100)
    await world.sync()
    world.assert_equal([EMPLOYEES, GROUPS])


def wrap_around(world: World) -> None:
    """Let the last page of the list be followed by its first one."""

    def wrap(answer: Any) -> Any:
        answer["data"]["next"] = answer["data"]["next"] or cursor_to_beginning(Paging(), 1)
        return answer

    world.environment.faults.add(Match(model=EMPLOYEES), rewritten(wrap), None)


@pytest.mark.parametrize("before", [0, 12], ids=["a new walk", "a walk that goes on"])
async def test_a_walk_knows_the_records_of_all_its_pages(make_world: MakeWorld, before: int) -> None:
    world = make_world(records=2_000, sync={"models": [EMPLOYEES]}, kombo=SMALL_PAGES)
    pages = -(-len(company(world).ids(EMPLOYEES, include_deleted=True)) // 5)
    assert pages > 12 + MAX_PAGES_WITHOUT_NEW / 2
    app = world.app()

    def stop(progress: Progress) -> None:
        if progress.step == "page" and progress.pages == before:
            app.stopping.set()

    if before:
        async with app:
            (result,) = await sync(app, Mode.BACKFILL, report=stop)
        assert (result.outcome, result.pages) == (Outcome.STOPPED, before)
    wrap_around(world)
    guard(world, 2 + pages - before + MOST)
    (result,) = await world.run(Mode.BACKFILL)
    assert (result.outcome, "does not end" in str(result.error)) == (Outcome.FAILED, True)


@ON_SQLITE
async def test_records_that_all_change_behind_the_walk_are_no_endless_list(make_world: MakeWorld) -> None:
    world = make_world(records=2_000, sync={"models": [EMPLOYEES]}, kombo=SMALL_PAGES)
    world.environment.paging = Paging(order="changed_at")
    ids = company(world).ids(EMPLOYEES)
    changing = len(ids) // 5 - 2
    assert changing > MAX_PAGES_WITHOUT_NEW

    def change_all(asked: RequestInfo) -> None:
        if asked.model == EMPLOYEES and asked.page == changing:
            world.environment.between_pages = None
            world.clock.advance(timedelta(seconds=1))
            for each in ids:
                company(world).update(EMPLOYEES, each, job_title="Changed")

    world.environment.between_pages = change_all
    await world.sync()
    world.assert_equal([EMPLOYEES])


@ON_SQLITE
async def test_a_few_empty_pages_are_no_endless_list(make_world: MakeWorld) -> None:
    world = make_world(records=300, sync={"models": [EMPLOYEES]}, kombo=SMALL_PAGES)
    empty = endless("new ones", is_empty=True)
    world.environment.faults.add(Match(model=EMPLOYEES), empty, MAX_PAGES_WITHOUT_NEW)
    await world.sync()
    world.assert_equal([EMPLOYEES])


@ON_SQLITE
@pytest.mark.parametrize("figure", FIGURES)
async def test_single_records_that_come_without_an_end_are_an_error(
    make_world: MakeWorld, figure: str
) -> None:
    world = make_world(records=300)
    await world.sync(models=[GROUPS])
    (known, *_) = company(world).ids(GROUPS)
    world.environment.faults.add(Match(model=GROUPS), endless(figure), None)
    guard(world, 1 + MOST)
    async with world.app() as app:
        with pytest.raises(ListStuck, match=f"^{GROUPS} of .* does not end"):
            await operation.refresh(app, company(world).integration_id, GROUPS, [known])


@ON_SQLITE
@pytest.mark.parametrize("figure", FIGURES)
async def test_a_sweep_whose_question_is_answered_without_an_end_marks_nothing_and_goes_on_later(
    make_world: MakeWorld, figure: str
) -> None:
    world = make_world(records=900, sync={"models": [EMPLOYEES]})
    await world.sync()
    gone = company(world).ids(EMPLOYEES)[0]
    company(world).vanish(EMPLOYEES, gone)
    # The walk has one page; what is asked for by ids comes behind it.
    world.environment.faults.add(Match(model=EMPLOYEES), endless(figure), None, after=1)
    guard(world, 4 + MOST)
    (result,) = await world.run(Mode.RESTART)
    assert (result.outcome, result.counts.deleted) == (Outcome.FAILED, 0)
    assert "does not end" in str(result.error)
    world.environment.faults.clear()
    guard(world, 5)
    (result,) = await world.sync()
    assert result.counts.deleted == 1
