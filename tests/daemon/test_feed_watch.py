"""Watch of the change feed: who waits is woken by what any process writes, and nobody else is asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import Connection, event, text

from syncer.daemon import feed_watch
from syncer.daemon.feed_watch import FeedWatch
from syncer.domain.feed.row_change import FeedRules, Operation, RowChange
from syncer.domain.stream_key import StreamKey
from syncer.store.db.database import Database
from syncer.store.records.feed import tell_changes
from tests.support.records import NOW
from tests.support.waiting import PATIENCE, until_async

KEY = StreamKey("tool:one", "hris_employees")


@pytest.fixture
def other(migrated_url: str) -> Iterator[Database]:
    """What another process has open."""
    database = Database(migrated_url)
    yield database
    database.close()


@pytest.fixture
def looks(database: Database) -> list[str]:
    """What this process has asked the database."""
    asked: list[str] = []

    @event.listens_for(database.engine, "before_cursor_execute")
    def note(_connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    return asked


@asynccontextmanager
async def watching(watch: FeedWatch) -> AsyncIterator[None]:
    stopping = asyncio.Event()
    running = asyncio.create_task(watch.run(stopping))
    try:
        yield
    finally:
        stopping.set()
        await running


def tell(database: Database, *, notify: bool = False) -> None:
    """Write a change, as a page does."""
    rules = FeedRules(models={KEY.model}, notify=notify)
    with database.begin() as connection:
        tell_changes(connection, rules, "default", KEY, [RowChange("a", Operation.UPDATED)], NOW)


async def test_what_this_process_writes_is_told_at_once_to_all_who_wait_for_it(
    database: Database, looks: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_watch, "LOOK_EVERY", PATIENCE * 2)
    watch = FeedWatch(database)
    async with watching(watch):
        first, second, third = (asyncio.create_task(watch.wait_beyond(number)) for number in (0, 0, 1))
        await until_async(lambda: looks, "nothing is there yet")
        await asyncio.to_thread(tell, database)
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(first, second)
        assert not third.done()
        third.cancel()


async def test_what_is_there_already_is_told_at_once(database: Database) -> None:
    tell(database)
    watch = FeedWatch(database)
    async with watching(watch), asyncio.timeout(PATIENCE):
        await watch.wait_beyond(0)


async def test_what_another_process_writes_is_found_without_being_told(
    database: Database, other: Database, looks: list[str]
) -> None:
    watch = FeedWatch(database)
    async with watching(watch), asyncio.timeout(PATIENCE):
        waiting = asyncio.create_task(watch.wait_beyond(0))
        await until_async(lambda: looks, "nothing is there yet")
        await asyncio.to_thread(tell, other)
        await waiting


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
async def test_what_another_process_tells_on_postgresql_is_heard(
    database: Database, other: Database, looks: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_watch, "LOOK_EVERY", PATIENCE * 2)

    def listeners() -> int:
        asked = text(
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND state = 'idle' "
            "AND datname = current_database()"
        )
        with other.read() as connection:
            return int(connection.execute(asked).scalar_one())

    watch = FeedWatch(database, listens=True)
    async with watching(watch), asyncio.timeout(PATIENCE):
        await until_async(listeners, "somebody listens")
        waiting = asyncio.create_task(watch.wait_beyond(0))
        await until_async(lambda: looks, "nothing is there yet")
        await asyncio.to_thread(tell, other, notify=True)
        await waiting
    await until_async(lambda: not listeners(), "nobody listens any more")


async def test_while_nobody_waits_nothing_is_asked(
    database: Database, looks: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_watch, "LOOK_EVERY", 0.02)
    watch = FeedWatch(database)
    async with watching(watch):
        waiting = asyncio.create_task(watch.wait_beyond(0))
        await until_async(lambda: looks, "the feed is asked for its newest number")
        waiting.cancel()
        await asyncio.sleep(0.2)
        looks.clear()
        await asyncio.to_thread(tell, database)
        assert looks
        looks.clear()
        await asyncio.sleep(0.2)
        assert looks == []
