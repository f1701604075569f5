"""An older backup of the database is restored: what it says is still right, or not believed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import timedelta
from random import Random

import pytest
from sqlalchemy import text, update

from syncer.domain.errors import DatabaseReplaced
from syncer.domain.streams.state import Outcome
from syncer.domain.streams.stream import Mode
from syncer.operations.sync import sync
from syncer.simulator.life.random_change import random_change
from syncer.simulator.server import faults
from syncer.simulator.server.faults import Match
from syncer.store.schema.mirror_tables import all_tables, streams
from syncer.sync.context import Progress
from tests.support.databases import sqlite_file
from tests.support.world import MakeWorld, World

EMPLOYEES, GROUPS, SKILLS = "hris_employees", "hris_groups", "hris_skills"
SOME = [EMPLOYEES, GROUPS, "hris_absences", SKILLS]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

Restore = Callable[[World], Callable[[], None]]


@pytest.fixture
def back_up() -> Restore:
    """Takes a backup of everything in the database, and gives what restores it."""

    def taken(world: World) -> Callable[[], None]:
        names = [table.name for table in all_tables().sorted_tables]
        with world.mirror.open() as (_, connection):
            for name in names:
                connection.exec_driver_sql(f"CREATE TABLE kept_{name} AS SELECT * FROM {name}")

        def restore() -> None:
            with world.mirror.open() as (_, connection):
                for name in names:
                    connection.exec_driver_sql(f"DELETE FROM {name}")
                    connection.exec_driver_sql(f"INSERT INTO {name} SELECT * FROM kept_{name}")

        return restore

    return taken


def pass_by(world: World, time: timedelta) -> None:
    """Let time pass, by Kombo's clock and the database's."""
    world.clock.advance(time)
    world.clock_offset += time


def live(world: World, days: int) -> None:
    """Things happen at the source, every day; what was deleted a fortnight before is not told of any more."""
    (company,) = world.environment.companies.values()
    some = Random(7)
    for _ in range(days):
        for _ in range(15):
            random_change(company, some)
        for model in (EMPLOYEES, GROUPS):
            for each in company.ids(model)[:1]:
                company.delete(model, each)
        pass_by(world, DAY)
        company.settle()


async def interrupted(world: World, mode: Mode, pages: int) -> None:
    """Begin a pass with small pages, and stop it after so many of them."""
    stored = 0
    async with world.app(kombo={"page_size": 2}, sync={"concurrency": 1}) as app:

        def stop(step: Progress) -> None:
            nonlocal stored
            stored += step.step == "page"
            if stored == pages:
                app.stopping.set()

        await sync(app, mode, report=stop)


@pytest.mark.parametrize("days", [1, 20], ids=["yesterday's", "older than tombstones last"])
async def test_a_backup_of_a_mirror_at_rest_is_brought_up_to_date(
    make_world: MakeWorld, back_up: Restore, days: int
) -> None:
    world = make_world(records=400, sync={"models": SOME})
    await world.sync(mode=Mode.BACKFILL)
    live(world, 2)
    await world.sync()
    restore = back_up(world)
    live(world, days)
    await world.sync()
    restore()
    await world.sync()
    world.assert_equal(SOME)


@pytest.mark.parametrize("days", [1, 20], ids=["yesterday's", "older than tombstones last"])
@pytest.mark.parametrize("mode", [Mode.BACKFILL, Mode.SYNC])
async def test_a_backup_of_a_mirror_in_the_middle_of_walks_is_brought_up_to_date(
    make_world: MakeWorld, back_up: Restore, mode: Mode, days: int
) -> None:
    world = make_world(records=400, sync={"models": SOME})
    if mode is Mode.SYNC:
        await world.sync(mode=Mode.BACKFILL)
        live(world, 3)
    await interrupted(world, mode, pages=4)
    assert any(each.walk for each in world.streams().values())
    restore = back_up(world)
    live(world, days)
    await world.sync()
    restore()
    # Kombo has forgotten the cursor, as it may.
    world.environment.faults.add(Match(model=EMPLOYEES, page=2), faults.expired_cursor())
    await world.sync()
    world.assert_equal(SOME)


async def test_leases_and_windows_of_a_backup_hold_nobody_up(make_world: MakeWorld, back_up: Restore) -> None:
    world = make_world(records=300, sync={"models": [GROUPS]})
    await world.sync(mode=Mode.BACKFILL)
    with world.mirror.open() as (database, connection):
        until = database.now(connection) + timedelta(seconds=60)
        connection.execute(update(streams).values(lease_owner="a runner of then", lease_until=until, fence=5))
        ends = until.timestamp() + 3_600
        used = "UPDATE sync_budgets SET used = window_limit, ends_at = :ends, length = 3600"
        connection.execute(text(used), {"ends": ends})
    restore = back_up(world)
    live(world, 1)
    restore()
    await world.sync()
    world.assert_equal([GROUPS])


@pytest.mark.parametrize("at", [2, 4])
async def test_a_run_that_goes_on_over_a_restored_backup_leaves_no_hole(
    make_world: MakeWorld, back_up: Restore, at: int
) -> None:
    """The backup was taken in the middle of this very run: it has its lease."""
    world = make_world(records=400, sync={"models": [EMPLOYEES]})
    pages = 0
    restores: list[Callable[[], None]] = []
    async with world.app(kombo={"page_size": 2}) as app:

        def step(progress: Progress) -> None:
            nonlocal pages
            pages += progress.step == "page"
            if pages == at:
                restores.append(back_up(world))
            if pages == at + 6:
                restores[0]()
                pages += 100

        (result,) = await sync(app, Mode.BACKFILL, report=step)
    assert result.outcome is Outcome.BUSY
    (stream,) = world.streams().values()
    assert stream.walk is not None
    assert stream.walk.pages == at
    world.clock_offset += HOUR
    world.clock.advance(HOUR)
    (result,) = await world.sync()
    world.assert_equal([EMPLOYEES])


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
async def test_a_command_whose_file_is_replaced_ends_and_writes_nothing_to_either(world: World) -> None:
    file = sqlite_file(world.database_url)
    world.settings = {"sync": {"models": [EMPLOYEES]}}
    copy, former = file.with_name("copy.db"), file.with_name("former.db")
    shutil.copy(file, copy)
    pages = 0
    async with world.app(kombo={"page_size": 5}) as app:

        def replace(progress: Progress) -> None:
            nonlocal pages
            pages += progress.step == "page"
            if pages == 3:
                os.rename(file, former)
                os.rename(copy, file)
                pages += 100

        with pytest.raises(DatabaseReplaced) as raised:
            await sync(app, Mode.BACKFILL, report=replace)
    assert raised.value.exit_code == 3
    assert str(raised.value).startswith(f"The database file {file} has been replaced")
    assert world.rows(EMPLOYEES, next(iter(world.environment.integrations))) == {}
