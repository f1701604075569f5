"""Several runners on one database: one has the stream, the others wait, and nobody overwrites newer data."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Connection, update

from syncer.app import App
from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.streams.state import Outcome
from syncer.domain.streams.stream import Mode
from syncer.operations.sync import sync
from syncer.store.schema.mirror_tables import streams
from tests.support.world import MakeWorld

EMPLOYEES = ["hris_employees"]


def expire_leases(app: App) -> None:
    """What a pause longer than the lease does."""
    with app.database.begin() as connection:
        connection.execute(update(streams).values(lease_until=None))


async def test_a_stream_that_another_runner_has_is_waited_for(make_world: MakeWorld) -> None:
    world = make_world(records=600)
    first, second = world.app(kombo={"page_size": 10}), world.app()
    begun = asyncio.Event()

    async with first, second:
        running = asyncio.create_task(
            sync(
                first,
                Mode.BACKFILL,
                models=EMPLOYEES,
                report=lambda step: begun.set() if step.step == "page" else None,
            )
        )
        await begun.wait()
        (late,) = await sync(second, Mode.BACKFILL, models=EMPLOYEES)
        (early,) = await running
    assert early.outcome is Outcome.COMPLETE
    assert late.outcome in {Outcome.SKIPPED, Outcome.BUSY}
    world.assert_equal(EMPLOYEES)


async def test_a_runner_that_slept_through_its_lease_cannot_write(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world(records=600)
    slow, quick = world.app(kombo={"page_size": 10}), world.app()
    asleep, awake = asyncio.Event(), asyncio.Event()

    async with slow, quick:
        begun = asyncio.Event()
        original = slow.database.write

        async def write(work: Callable[[Connection], object]) -> object:
            if begun.is_set():
                asleep.set()
                await awake.wait()
            return await original(work)

        monkeypatch.setattr(slow.database, "write", write)
        running = asyncio.create_task(
            sync(
                slow,
                Mode.BACKFILL,
                models=EMPLOYEES,
                report=lambda step: begun.set() if step.step == "page" and step.pages == 2 else None,
            )
        )
        await asleep.wait()
        expire_leases(quick)
        (taken,) = await sync(quick, Mode.BACKFILL, models=EMPLOYEES)
        assert taken.outcome is Outcome.COMPLETE
        after = world.streams()
        awake.set()
        (lost,) = await running
    assert lost.outcome in {Outcome.BUSY, Outcome.SKIPPED}
    assert world.streams() == after
    world.assert_equal(EMPLOYEES)


async def test_a_run_that_renews_its_lease_all_the_time_ends_as_its_walks_do(
    make_world: MakeWorld,
) -> None:
    world = make_world(records=600, sync={"lease": "1s"})
    results = await world.sync(mode=Mode.BACKFILL)
    assert {each.outcome for each in results} == {Outcome.COMPLETE}
    company = next(iter(world.environment.companies.values()))
    created = sum(each.counts.created for each in results)
    assert created == sum(len(world.source(model, company)) for model in catalogue())


async def test_the_lease_of_a_dead_process_is_taken_at_once(make_world: MakeWorld) -> None:
    world = make_world(records=300)
    await world.sync(mode=Mode.BACKFILL, models=EMPLOYEES)
    app = world.app()
    # A process of this host that has ended: our own name with a pid nobody has.
    parts = app.owner.split("/")
    parts[3] = "4194304"
    async with app:
        with app.database.begin() as connection:
            now = app.database.now(connection)
            connection.execute(
                update(streams).values(lease_owner="/".join(parts), lease_until=now + timedelta(hours=1))
            )
        (result,) = await sync(app, Mode.SYNC, models=EMPLOYEES)
    assert result.outcome is Outcome.COMPLETE
    assert world.waits.count(60 / 20) == 0


async def test_several_backfills_at_once_share_the_work_and_double_nothing(make_world: MakeWorld) -> None:
    world = make_world(records=600)
    apps = [world.app(kombo={"page_size": 50}) for _ in range(3)]
    results = await asyncio.gather(*(sync(app, Mode.BACKFILL) for app in apps))
    for app in apps:
        app.database.close()
    created = sum(each.counts.created for run in results for each in run)
    company = next(iter(world.environment.companies.values()))
    assert created == sum(len(world.source(model, company)) for model in catalogue())
    world.assert_equal()
