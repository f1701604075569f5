"""The service and native lists: each by its own interval, and none that the configuration names no more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from syncer.app import App
from syncer.daemon.pressure import LoadMonitor
from syncer.daemon.schedule import Schedule
from syncer.daemon.service import run_service
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.state import Outcome
from syncer.domain.streams.stream import Mode
from syncer.operations.status import status
from syncer.operations.sync import sync
from syncer.simulator.server.environment import Environment
from syncer.simulator.server.faults import Match, not_ready
from syncer.store.schema.mirror_tables import streams
from syncer.store.state.streams import StreamStore
from tests.support.alone import alone
from tests.support.mirror import Mirror
from tests.support.source import MODELS, make_environment
from tests.support.workers import WorkersWorld

NOON = datetime(2031, 3, 9, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
PEOPLE = {
    "name": "people",
    "tool": "hibob/v1",
    "request": {"method": "POST", "path": "/people/search", "data": {"fields": ["root.id"]}},
    "records": "employees",
    "key": ["id"],
    "every": "20m",
}
ENTRIES = {
    "name": "work_entries",
    "tool": "hibob/v1",
    "request": {"path": "/people/{remote_id}/work"},
    "for_each": {"table": "hris_employees_live", "param": "remote_id"},
    "records": "values",
    "key": ["for_each.remote_id", "id"],
    "every": "30 3 * * *",
}


@pytest.fixture
def environment() -> Environment:
    """One company that uses Personio, one that uses HiBob."""
    return make_environment(integrations=2, records=300)


@pytest.fixture
def world(environment: Environment, migrated_url: str) -> WorkersWorld:
    """Both mirrored, with two native lists of HiBob's."""
    return WorkersWorld(environment, Mirror(migrated_url), {"passthrough": [PEOPLE, ENTRIES]})


@asynccontextmanager
async def served(world: WorkersWorld) -> AsyncIterator[App]:
    """The service as a whole; what ends it early is raised."""
    async with world.app() as app:
        running = asyncio.create_task(run_service(app, report=world.steps.append, handle_signals=False))
        try:
            yield app
        finally:
            app.stopping.set()
            await running


def hibob(world: WorkersWorld) -> str:
    return next(each for each in world.environment.integrations if each.startswith("hibob:"))


def take_due(world: WorkersWorld) -> set[StreamKey]:
    """What is due; it is not any more, as if it had been run."""
    with world.mirror.open() as (_, connection):
        found = {each.key for each in StreamStore().all(connection) if each.due_at is not None}
        connection.execute(update(streams).values(due_at=None, due_purpose=None))
    return found


async def test_a_list_for_each_row_waits_half_a_minute_for_its_model_and_is_read_then(
    world: WorkersWorld,
) -> None:
    entries, employees = StreamKey(hibob(world), "work_entries"), StreamKey(hibob(world), "hris_employees")
    world.environment.faults.add(Match(*employees), not_ready(), None)
    async with served(world):
        await world.until(lambda: world.ended(entries), "the first try")
        waiting = world.mirror.streams()[entries]
        assert (waiting.state, waiting.failures) == ("waiting", 0)
        assert "which has not been read whole yet" in str(waiting.last_error)
        assert waiting.due_at is not None
        assert waiting.last_run_at is not None
        assert waiting.due_at - waiting.last_run_at == timedelta(seconds=30)
        world.environment.faults.clear()
        world.mark(employees)
        await world.until(lambda: world.mirror.streams()[employees].last_full_walk_at, "the employees")
        world.mark(entries)
        await world.until(lambda: world.mirror.streams()[entries].state == "complete", "their entries")
    assert world.mirror.fetch("SELECT count(*) FROM work_entries_live")[0][0] > 0


async def test_native_lists_become_due_by_their_own_interval_or_expression(world: WorkersWorld) -> None:
    async with world.app() as app:
        app.open_database()
        async with alone(app).open() as (_, asking):
            await alone(app).selection.refresh_streams(asking)
        every = {name: app.settings.timing(name).every for name in app.settings.lists}
        now = NOON

        def schedule() -> Schedule:
            return Schedule(app.database, alone(app).streams, every, clock=lambda: now, wake=lambda: None)

        people, entries = StreamKey(hibob(world), "people"), StreamKey(hibob(world), "work_entries")
        await schedule().catch_up()
        assert take_due(world) >= {people, entries}
        now = NOON + timedelta(minutes=19)
        await schedule().catch_up()
        assert take_due(world) == set()
        now = NOON + timedelta(minutes=20)
        await schedule().catch_up()
        assert take_due(world) == {people}
        now = NOON.replace(hour=3, minute=29) + timedelta(days=1)
        await schedule().catch_up()
        assert entries not in take_due(world)
        now += timedelta(minutes=1)
        await schedule().catch_up()
        assert entries in take_due(world)


async def _read_once(world: WorkersWorld) -> None:
    async with world.app() as app:
        assert {each.outcome for each in await sync(app, Mode.SYNC)} == {Outcome.COMPLETE}


async def test_a_list_that_the_configuration_lost_while_the_service_was_down_is_not_run(
    world: WorkersWorld,
) -> None:
    world.settings["sync"] = {"every": "1h"}
    await _read_once(world)
    world.mark(StreamKey(hibob(world), "people"), StreamKey(hibob(world), "work_entries"))
    world.settings["passthrough"] = [ENTRIES]
    world.steps.clear()
    async with served(world):
        await world.until(
            lambda: world.ended(StreamKey(hibob(world), "work_entries")), "the list that is left"
        )
        people = StreamKey(hibob(world), "people")
        await world.until(lambda: people not in world.mirror.streams(), "that it is mirrored no more")
    assert world.ended(people) == []
    assert world.mirror.fetch("SELECT count(*) FROM people_live")[0][0] > 0


async def test_a_stream_that_only_another_service_knows_is_left_to_it(world: WorkersWorld) -> None:
    """As while services are restarted one after the other, with one more list in their configuration."""
    await _read_once(world)
    other = WorkersWorld(world.environment, world.mirror, {"passthrough": [ENTRIES]})
    async with other.working(due=False) as work:
        with world.mirror.open() as (_, connection):
            connection.execute(update(streams).values(mirrored=True))
        world.mark(StreamKey(hibob(world), "people"), StreamKey(hibob(world), "work_entries"))
        work.workers.wake()
        await world.until(
            lambda: other.ended(StreamKey(hibob(world), "work_entries")), "the list that both know"
        )
        assert not work.running.done()
    assert other.ended(StreamKey(hibob(world), "people")) == []


async def test_a_stream_that_is_configured_no_more_does_not_disturb_who_looks_how_the_schedule_stands(
    world: WorkersWorld,
) -> None:
    await _read_once(world)
    with world.mirror.open() as (database, connection):
        long_ago = database.now(connection) - timedelta(days=3)
        connection.execute(update(streams).values(due_at=long_ago))
    world.settings["passthrough"] = []
    async with world.app() as app:
        monitor = LoadMonitor(alone(app).capacity, app.database)
        await monitor.look()
        behind = status(app)["behind"]
    assert behind["streams"] == 2 * len(MODELS)


async def test_a_native_list_that_waits_for_longer_than_its_interval_is_behind(world: WorkersWorld) -> None:
    await _read_once(world)
    with world.mirror.open() as (database, connection):
        long_ago = database.now(connection) - timedelta(hours=2)
        connection.execute(update(streams).where(streams.c.model == "people").values(due_at=long_ago))
    async with world.app() as app:
        behind: Any = status(app)["behind"]
    assert behind["streams"] == 1
