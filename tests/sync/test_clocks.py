"""Clocks that are wrong for a while, Kombo's and the database's: nothing is lost, nothing waits."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update
from structlog.testing import capture_logs

from syncer.domain.streams.state import Outcome, StreamState
from syncer.domain.streams.stream import Kind, Mode
from syncer.operations.sync import sync
from syncer.simulator.company.company import Company
from syncer.simulator.server.faults import Match, misdated
from syncer.store.schema.mirror_tables import MIRROR, integrations
from syncer.sync.context import Result
from tests.support.databases import ON_SQLITE
from tests.support.world import MakeWorld, World

GROUPS = "hris_groups"
HOUR, DECADE = timedelta(hours=1), timedelta(days=3652)


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """One list with next to no overlap."""
    return make_world(sync={"models": [GROUPS], "overlap": "1s"})


def company(world: World) -> Company:
    (only,) = world.environment.companies.values()
    return only


def pass_by(world: World, time: timedelta) -> None:
    """Let time pass, by Kombo's clock and the database's."""
    world.clock.advance(time)
    world.clock_offset += time


def change_and_delete(world: World) -> None:
    changed, deleted, *_ = company(world).ids(GROUPS)
    company(world).update(GROUPS, changed, name="Changed afterwards")
    company(world).delete(GROUPS, deleted)


async def pass_over(world: World) -> Result:
    """Do one pass; the result of its only stream."""
    (result,) = await world.sync()
    return result


@ON_SQLITE
@pytest.mark.parametrize("later", [timedelta(minutes=1), 2 * HOUR, timedelta(days=2)], ids=str)
@pytest.mark.parametrize("ahead", [HOUR, 3 * timedelta(minutes=1)], ids=str)
async def test_a_first_page_that_tells_a_time_ahead_loses_nothing(
    world: World, ahead: timedelta, later: timedelta
) -> None:
    """later: before the time that it told is reached, or long after."""
    world.environment.faults.add(Match(model=GROUPS), misdated(ahead))
    await world.sync(mode=Mode.BACKFILL)
    pass_by(world, timedelta(seconds=30))
    change_and_delete(world)
    pass_by(world, later)
    with capture_logs() as logged:
        result = await pass_over(world)
    assert result.kind is Kind.FULL
    world.assert_equal([GROUPS])
    assert [each["event"] for each in logged if each["log_level"] == "warning"] == ["watermark_refuted"]
    pass_by(world, HOUR)
    assert (await pass_over(world)).kind is Kind.INCREMENTAL


@ON_SQLITE
async def test_an_incremental_page_that_tells_a_time_ahead_loses_nothing(world: World) -> None:
    await world.sync(mode=Mode.BACKFILL)
    world.environment.faults.add(Match(model=GROUPS), misdated(HOUR))
    await world.sync()
    pass_by(world, timedelta(minutes=1))
    change_and_delete(world)
    await world.sync()
    world.assert_equal([GROUPS])


@ON_SQLITE
@pytest.mark.parametrize("ahead", [-HOUR, timedelta(0)], ids=["behind", "right"])
async def test_a_page_that_tells_a_time_behind_costs_no_full_walk_afterwards(
    world: World, ahead: timedelta
) -> None:
    world.environment.faults.add(Match(model=GROUPS), misdated(ahead))
    await world.sync(mode=Mode.BACKFILL)
    change_and_delete(world)
    for _ in range(2):
        pass_by(world, timedelta(minutes=15))
        assert (await pass_over(world)).kind is Kind.INCREMENTAL
    world.assert_equal([GROUPS])


@ON_SQLITE
async def test_times_that_go_back_and_forth_are_an_error_and_not_a_walk_without_end(
    make_world: MakeWorld,
) -> None:
    # Without an overlap another walk follows each full one at once.
    world = make_world(sync={"models": [GROUPS], "overlap": "0s"})
    await world.sync(mode=Mode.BACKFILL)
    pass_by(world, HOUR)
    for hours in (-3, 5, 0):
        world.environment.faults.add(Match(model=GROUPS), misdated(hours * HOUR))
    (result,) = await world.run()
    assert (result.kind, result.outcome) == (Kind.INCREMENTAL, Outcome.FAILED)
    assert "goes back and forth" in (result.error or "")
    change_and_delete(world)
    await world.sync()
    world.assert_equal([GROUPS])


async def test_a_refuted_watermark_is_given_up_at_once(world: World) -> None:
    world.environment.faults.add(Match(model=GROUPS), misdated(HOUR))
    await world.sync(mode=Mode.BACKFILL)
    change_and_delete(world)
    # A process that dies in the full walk leaves a stream that does not call itself complete.
    world.environment.faults.add(Match(model=GROUPS), misdated(timedelta(0)))
    app = world.app(kombo={"page_size": 1})
    async with app:
        world.environment.between_pages = lambda asked: app.stopping.set()
        (result,) = await sync(app, Mode.SYNC)
    assert result.outcome is Outcome.STOPPED
    (stream,) = world.streams().values()
    assert (stream.watermark, stream.complete_at, stream.state) == (None, None, StreamState.INCOMPLETE)
    world.environment.between_pages = None
    await world.sync()
    world.assert_equal([GROUPS])


async def test_after_a_backfill_by_a_clock_years_ahead_everything_comes_round_again(
    make_world: MakeWorld,
) -> None:
    world = make_world(sync={"models": [GROUPS]})
    world.clock_offset = DECADE
    await world.sync(mode=Mode.BACKFILL)
    asked = len(world.environment.requests)
    world.clock_offset = timedelta(0)
    (vanished, *_) = company(world).ids(GROUPS)
    company(world).vanish(GROUPS, vanished)
    assert (await pass_over(world)).kind is Kind.FULL
    # A row that was first seen in the future is missed like any other.
    with world.database() as connection:
        table = MIRROR[GROUPS]
        deleted = connection.execute(table.select().where(table.c.deleted_by == "sweep")).all()
    assert [each.id for each in deleted] == [vanished]
    # The integration was asked about anew, and the budget's window has not lasted ten years.
    assert any("integrations" in each.path for each in list(world.environment.requests)[asked:])
    assert (await pass_over(world)).kind is Kind.INCREMENTAL
    world.clock_offset = timedelta(days=7, minutes=1)
    assert (await pass_over(world)).kind is Kind.FULL


async def test_an_unfinished_walk_of_a_clock_years_ahead_begins_anew(make_world: MakeWorld) -> None:
    world = make_world(sync={"models": [GROUPS]}, kombo={"page_size": 1})
    world.clock_offset = DECADE
    app = world.app()
    async with app:
        await sync(app, Mode.BACKFILL, report=lambda step: app.stopping.set())
    (stream,) = world.streams().values()
    assert stream.walk is not None
    world.clock_offset = timedelta(0)
    result = await pass_over(world)
    assert (result.kind, result.pages) == (Kind.FULL, len(world.rows(GROUPS, company(world).integration_id)))


async def test_a_refresh_that_was_noted_in_the_future_costs_one_full_walk(make_world: MakeWorld) -> None:
    world = make_world(sync={"models": [GROUPS]})
    await world.sync(mode=Mode.BACKFILL)
    app = world.app()
    with app.database.begin() as connection:
        ahead = app.database.now(connection) + DECADE
        connection.execute(update(integrations).values(refreshed_at=ahead, checked_at=ahead))
    app.database.close()
    assert (await pass_over(world)).kind is Kind.FULL
    assert [(await pass_over(world)).kind for _ in range(2)] == [Kind.INCREMENTAL] * 2
