"""The service drops what is too old again and again, and goes on where a table cannot be used for a while."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from syncer.daemon.database_health import DatabaseHealth
from syncer.daemon.retention import drop_regularly
from tests.support.running_service import running_service
from tests.support.waiting import until_async
from tests.support.workers import MakeWorkersWorld, WorkersWorld

OFTEN = 0.02


@pytest.fixture
def world(make_world: MakeWorkersWorld) -> WorkersWorld:
    """A mirror of one list, whose changes are kept for a day."""
    return make_world(sync={"models": ["hris_groups"]}, changes={"models": ["*"], "keep": "1d"})


@asynccontextmanager
async def dropping(world: WorkersWorld, health: DatabaseHealth) -> AsyncIterator[None]:
    """Drop what is too old, as the service does, for the block."""
    stopping = asyncio.Event()
    async with world.app() as app:
        running = asyncio.create_task(drop_regularly(app, stopping, health, drop_every=OFTEN))
        yield
        stopping.set()
        await running


def changes(world: WorkersWorld) -> int:
    number: int = world.mirror.fetch("SELECT count(*) FROM mirror_changes")[0][0]
    return number


async def test_the_service_drops_changes_that_are_too_old(world: WorkersWorld) -> None:
    await world.sync()
    assert changes(world) > 0
    world.clock_offset = timedelta(days=2)
    health = DatabaseHealth()
    async with dropping(world, health):
        await until_async(lambda: changes(world) == 0, "all changes are dropped")
    assert health.error is None


async def test_it_is_part_of_the_service(world: WorkersWorld) -> None:
    await world.sync()
    world.clock_offset = timedelta(days=2)
    async with world.app() as app, running_service(app):
        await until_async(lambda: changes(world) == 0, "all changes are dropped")


async def test_a_feed_that_cannot_be_used_is_told_and_holds_nothing_up(world: WorkersWorld) -> None:
    await world.sync()
    world.clock_offset = timedelta(days=2)
    health = DatabaseHealth()
    with capture_logs() as logs:
        with world.mirror.open() as (_, connection):
            connection.exec_driver_sql("ALTER TABLE mirror_changes RENAME TO elsewhere")
        async with dropping(world, health):
            await until_async(lambda: len(logs) > 1, "the trouble is logged")
            assert {each["event"] for each in logs} == {"retention_delayed"}
            assert health.error is None
            with world.mirror.open() as (_, connection):
                connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO mirror_changes")
            await until_async(lambda: changes(world) == 0, "all changes are dropped")
