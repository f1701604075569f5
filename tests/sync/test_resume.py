"""Whatever ends a walk, the next one goes on where it was."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event

from syncer.domain.streams.state import Outcome
from syncer.domain.streams.stream import Kind, Mode, Phase
from syncer.operations.sync import sync
from syncer.simulator.server import faults
from syncer.simulator.server.faults import Match
from syncer.sync.context import Progress
from tests.support.databases import ON_SQLITE
from tests.support.waiting import PATIENCE
from tests.support.world import MakeWorld, World

EMPLOYEES = ["hris_employees"]
#: A list without ``updated_after``.
ORDERS = ["assessment_orders"]


def pages(world: World) -> list[tuple[str | None, str | None]]:
    """The list requests so far: (cursor given, updated_after given)."""
    return [
        (each.params.get("cursor"), each.params.get("updated_after"))
        for each in world.environment.asked_for("hris_employees")
    ]


async def cancelled_behind_a_page(make_world: MakeWorld, models: list[str]) -> tuple[Any, Any]:
    """The world, and the stream as a pass leaves it that is cancelled as soon as it has stored a page."""
    world = make_world(records=200)
    await world.sync(mode=Mode.BACKFILL, models=models)
    async with world.app() as app:

        def cancel(progress: Progress) -> None:
            if progress.step == "page":
                running.cancel()

        running = asyncio.create_task(sync(app, Mode.SYNC, models=models, report=cancel))
        with pytest.raises(asyncio.CancelledError):
            await running
    (stream,) = [each for each in world.streams().values() if each.model in models]
    return world, stream


async def test_a_walk_that_was_told_to_stop_goes_on_at_the_next_page(make_world: MakeWorld) -> None:
    world = make_world(records=900)
    app = world.app(kombo={"page_size": 10})

    def stop_after_two(progress: Progress) -> None:
        if progress.step == "page" and progress.pages == 2:
            app.stopping.set()

    async with app:
        (result,) = await sync(app, Mode.BACKFILL, models=EMPLOYEES, report=stop_after_two)
    assert (result.outcome, result.pages) == (Outcome.STOPPED, 2)
    (stream,) = [each for each in world.streams().values() if each.model == "hris_employees"]
    assert stream.walk is not None
    assert stream.watermark is None
    before = pages(world)
    (result,) = await world.sync(mode=Mode.BACKFILL, models=EMPLOYEES, kombo={"page_size": 10})
    resumed = pages(world)[len(before) :]
    assert resumed[0][0] == stream.walk.cursor
    assert None not in [cursor for cursor, _ in resumed]
    world.assert_equal(EMPLOYEES)


async def test_a_cancelled_run_frees_its_lease_and_loses_no_page(make_world: MakeWorld) -> None:
    world = make_world(records=900)
    async with world.app(kombo={"page_size": 10}) as app:
        seen = asyncio.Event()

        def tell(progress: Progress) -> None:
            if progress.step == "page" and progress.pages == 3:
                seen.set()

        running = asyncio.create_task(sync(app, Mode.BACKFILL, models=EMPLOYEES, report=tell))
        await seen.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    before = len(pages(world))
    (result,) = await world.sync(mode=Mode.BACKFILL, models=EMPLOYEES, kombo={"page_size": 10})
    assert result.outcome is Outcome.COMPLETE
    total = -(-len(world.rows("hris_employees", result.key.integration_id)) // 10)
    # At most the page being written and the two behind it are asked for again.
    assert before + len(pages(world)[before:]) <= total + 3
    world.assert_equal(EMPLOYEES)


async def test_a_run_cancelled_behind_its_last_page_leaves_the_stream_complete(
    make_world: MakeWorld,
) -> None:
    _, stream = await cancelled_behind_a_page(make_world, EMPLOYEES)
    assert (stream.last_outcome, stream.walk, stream.state) == ("stopped", None, "complete")


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
async def test_a_run_cancelled_while_its_last_page_is_being_committed_leaves_the_stream_complete(
    make_world: MakeWorld,
) -> None:
    world = make_world(records=900)
    await world.sync(mode=Mode.BACKFILL, models=EMPLOYEES)
    (company,) = world.environment.companies.values()
    for each in company.ids("hris_employees"):
        company.update("hris_employees", each, job_title="Everybody")

    async with world.app(kombo={"page_size": 10}) as app:
        last: list[Connection] = []
        ending = threading.Event()

        def executes(connection: Connection, _: Any, statement: str, *__: Any) -> None:
            if statement.startswith("UPDATE sync_streams"):
                if last and connection is not last[0]:
                    ending.set()
                elif "full_pages" in statement:
                    last.append(connection)

        def commits(connection: Connection) -> None:
            if connection in last:
                loop.call_soon_threadsafe(running.cancel)
                assert ending.wait(PATIENCE)

        event.listen(app.database.engine, "before_cursor_execute", executes)
        event.listen(app.database.engine, "commit", commits)
        loop = asyncio.get_running_loop()
        running = asyncio.create_task(sync(app, Mode.SYNC, models=EMPLOYEES))
        with pytest.raises(asyncio.CancelledError):
            await running
    (stream,) = [each for each in world.streams().values() if each.watermark]
    assert (stream.last_outcome, stream.walk, stream.state) == ("stopped", None, "complete")


async def test_a_list_that_is_always_read_whole_is_read_again_behind_a_walk_from_long_ago(
    make_world: MakeWorld,
) -> None:
    world, stream = await cancelled_behind_a_page(make_world, ORDERS)
    assert stream.walk.phase is Phase.SWEEP

    (company,) = world.environment.companies.values()
    for each in company.ids("assessment_orders"):
        company.update("assessment_orders", each, status="REJECTED")
    world.clock.advance(timedelta(minutes=10))
    world.clock_offset += timedelta(minutes=10)
    (result,) = await world.sync(models=ORDERS)
    assert result.counts.updated > 0
    world.assert_equal(ORDERS)


@ON_SQLITE
async def test_an_unfinished_incremental_walk_resumes_with_its_own_updated_after(
    make_world: MakeWorld,
) -> None:
    world = make_world(records=900)
    await world.sync(mode=Mode.BACKFILL, models=EMPLOYEES)
    company = next(iter(world.environment.companies.values()))
    for each in company.ids("hris_employees"):
        company.update("hris_employees", each, job_title="Everybody")
    world.environment.faults.add(Match(model="hris_employees", page=3), faults.kombo_error(400, None), None)
    (failed,) = await world.run(models=EMPLOYEES, kombo={"page_size": 10})
    assert failed.outcome is Outcome.FAILED
    world.environment.faults.clear()
    asked = len(pages(world))
    await world.sync(models=EMPLOYEES, kombo={"page_size": 10})
    texts = {text for _, text in pages(world)[asked - 3 :]}
    assert len(texts) == 1
    world.assert_equal(EMPLOYEES)


@ON_SQLITE
async def test_a_refused_cursor_starts_the_walk_again_with_the_same_filters(make_world: MakeWorld) -> None:
    world = make_world(records=900)
    world.environment.faults.add(Match(model="hris_employees", page=3), faults.expired_cursor(), 2)
    (result,) = await world.sync(mode=Mode.BACKFILL, models=EMPLOYEES, kombo={"page_size": 10})
    assert result.outcome is Outcome.COMPLETE
    assert [cursor for cursor, _ in pages(world)].count(None) == 3
    world.assert_equal(EMPLOYEES)


@ON_SQLITE
async def test_a_cursor_that_is_always_refused_fails_the_run_and_says_so(make_world: MakeWorld) -> None:
    world = make_world(records=900)
    world.environment.faults.add(Match(model="hris_employees", page=2), faults.expired_cursor(), None)
    (result,) = await world.run(Mode.BACKFILL, models=EMPLOYEES, kombo={"page_size": 10})
    assert result.outcome is Outcome.FAILED
    assert "cursor" in (result.error or "")
    assert [cursor for cursor, _ in pages(world)].count(None) == 4


@ON_SQLITE
async def test_a_walk_whose_watermark_is_not_reached_leaves_the_old_one(make_world: MakeWorld) -> None:
    world = make_world(records=900)
    await world.sync(mode=Mode.BACKFILL, models=EMPLOYEES)
    (before,) = [each for each in world.streams().values() if each.watermark]
    company = next(iter(world.environment.companies.values()))
    for each in company.ids("hris_employees"):
        company.update("hris_employees", each, job_title="Everybody")
    world.environment.faults.add(Match(model="hris_employees", page=4), faults.kombo_error(422, None), None)
    (result,) = await world.run(models=EMPLOYEES, kombo={"page_size": 10})
    assert result.outcome is Outcome.FAILED
    (after,) = [each for each in world.streams().values() if each.watermark]
    assert after.watermark == before.watermark
    assert after.walk is not None
    assert after.walk.pages == 3


async def test_restart_drops_an_unfinished_walk(make_world: MakeWorld) -> None:
    world = make_world(records=900)
    world.environment.faults.add(Match(model="hris_employees", page=3), faults.kombo_error(422, None), None)
    await world.run(Mode.BACKFILL, models=EMPLOYEES, kombo={"page_size": 10})
    world.environment.faults.clear()
    asked = len(pages(world))
    (result,) = await world.sync(mode=Mode.RESTART, models=EMPLOYEES, kombo={"page_size": 10})
    assert pages(world)[asked][0] is None
    assert result.kind is Kind.FULL
    world.assert_equal(EMPLOYEES)
