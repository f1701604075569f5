"""On PostgreSQL a process hears at once of what another one has made due."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field

import psycopg
import pytest

from syncer.app import App
from syncer.daemon import due_listener
from syncer.daemon.due_listener import listen
from syncer.domain.errors import DatabaseUnavailable
from syncer.store.db.database import Database
from syncer.store.db.due_channel import listen_due, notify_due
from tests.support.alone import alone
from tests.support.mirror import Mirror
from tests.support.pgbouncer import Pooling
from tests.support.source import make_environment
from tests.support.waiting import until_async
from tests.support.webhooks import data_changed, take
from tests.support.workers import WorkersWorld

ON_POSTGRESQL = pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)


@dataclass
class Listening:
    """A process that listens, and how often it was woken."""

    database: Database
    calls: list[int] = field(default_factory=list)

    async def woken(self, more_than: int) -> None:
        await until_async(lambda: len(self.calls) > more_than, "the call")


@asynccontextmanager
async def listening(url: str) -> AsyncIterator[Listening]:
    database, ending = Database(url), asyncio.Event()
    made = Listening(database)
    running = asyncio.create_task(listen(database, ending, lambda: made.calls.append(1)))
    try:
        yield made
    finally:
        ending.set()
        await running
        database.close()


@asynccontextmanager
async def told(url: str) -> AsyncIterator[tuple[App, str]]:
    """Another process, which knows the streams, and the id of its integration."""
    world = WorkersWorld(make_environment(records=60), Mirror(url))
    async with world.app() as app:
        app.open_database()
        async with alone(app).open() as (_, integrations):
            await alone(app).selection.refresh_streams(integrations)
        yield app, next(iter(world.environment.integrations))


@ON_POSTGRESQL
async def test_whoever_works_is_woken_by_whoever_was_told(migrated_url: str) -> None:
    async with told(migrated_url) as (app, integration), listening(migrated_url) as other:
        # When it has begun to listen it looks for what it has missed.
        await other.woken(0)
        calls = len(other.calls)
        event = data_changed(integration, "hris_teams")
        await asyncio.to_thread(take, alone(app), event)
        await other.woken(calls)
        # What comes again wakes nobody.
        calls = len(other.calls)
        await asyncio.to_thread(take, alone(app), event)
        await asyncio.to_thread(take, alone(app), data_changed(integration, "hris_teams"))
        await other.woken(calls)
        assert len(other.calls) == calls + 1


@ON_POSTGRESQL
async def test_whoever_tells_is_not_woken_by_itself(migrated_url: str) -> None:
    async with told(migrated_url) as (app, integration), listening(migrated_url) as other:
        await other.woken(0)
        async with aclosing(listen_due(app.database)) as own:
            await anext(own)
            heard = asyncio.ensure_future(anext(own))
            calls = len(other.calls)
            await asyncio.to_thread(take, alone(app), data_changed(integration, "hris_teams"))
            await other.woken(calls)
            assert not heard.done()
            with other.database.begin() as connection:
                notify_due(other.database, connection)
            await heard


@ON_POSTGRESQL
async def test_a_connection_that_was_lost_is_made_again(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due_listener, "PAUSE", 0.01)
    async with listening(migrated_url) as other:
        await other.woken(0)
        calls = len(other.calls)
        async with await psycopg.AsyncConnection.connect(migrated_url, autocommit=True) as connection:
            ended = await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE query IN ('LISTEN \"syncer_due\"', 'SELECT 1') AND datname = current_database()"
            )
            assert (True,) in await ended.fetchall()
            await other.woken(calls)
            calls = len(other.calls)
            await connection.execute("SELECT pg_notify('syncer_due', '')")
            await other.woken(calls)


@pytest.mark.tool("pgbouncer")
@ON_POSTGRESQL
async def test_through_a_pooler_that_shares_sessions_nobody_listens(
    migrated_url: str, pooling: Pooling
) -> None:
    with pooling("transaction") as pooler:
        database = Database(pooler.url(migrated_url))
        with pytest.raises(DatabaseUnavailable, match="pooler"):
            await anext(listen_due(database))
        async with told(pooler.url(migrated_url)) as (app, integration), listening(migrated_url) as other:
            await other.woken(0)
            calls = len(other.calls)
            # To tell others works through it all the same.
            await asyncio.to_thread(take, alone(app), data_changed(integration, "hris_teams"))
            await other.woken(calls)
        database.close()


async def test_on_sqlite_there_is_nothing_to_listen_to(sqlite_url: str) -> None:
    async with listening(sqlite_url) as other:
        assert other.calls == []
