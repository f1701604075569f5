"""Reads of the change feed for requests: in threads, and never so many that others lack a connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from syncer.app import App
from syncer.daemon.web.change_query import ChangeQuery
from syncer.domain.errors import DatabaseUnavailable
from syncer.operations.changes import Newest, acknowledge, begin_reading
from syncer.store.reading.changes import FeedPage, read_changes

#: Reads at the same time: the database's connections are for those who work.
AT_ONCE = 2

_T = TypeVar("_T")


class ChangeReads:
    """Reads and acknowledgements; each raises DatabaseError, and UsageError for a number not given yet.

    patience: seconds that a request waits for the database.
    """

    def __init__(self, app: App, patience: float) -> None:
        self._app = app
        self._patience = patience
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def acknowledge(self, consumer: str, sequence: int | Newest) -> int:
        """Move a consumer forward to a number; give the number."""
        return await self._in_thread(lambda: acknowledge(self._app, consumer, sequence))

    async def begin(self, query: ChangeQuery) -> tuple[FeedPage, bytes]:
        """Acknowledge what the query's consumer has seen, and read the first page, as ``read`` does."""
        consumer, after = query.consumer, query.after
        if consumer is not None and after is not None:
            return await self.read(query, await self.acknowledge(consumer, after))

        def first() -> int:
            with self._app.database.read() as connection:
                return begin_reading(connection, after, consumer)

        return await self.read(query, await self._in_thread(first))

    async def read(self, query: ChangeQuery, after: int) -> tuple[FeedPage, bytes]:
        """Read the page behind a number, and encode it as the query wants it."""

        def read() -> tuple[FeedPage, bytes]:
            with self._app.database.read() as connection:
                page = read_changes(
                    connection, after, query.limit, query.selection, documents=query.documents
                )
            return page, query.encode(page)

        return await self._in_thread(read)

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        """Use the database in a thread. Raises DatabaseUnavailable where it takes too long."""
        try:
            await asyncio.wait_for(self._turns.acquire(), self._patience)
        except TimeoutError:
            raise self._unavailable() from None
        task = asyncio.create_task(asyncio.to_thread(work))
        task.add_done_callback(self._done)
        await asyncio.wait({task}, timeout=self._patience)
        if not task.done():
            raise self._unavailable()
        return task.result()

    def _done(self, task: asyncio.Task[_T]) -> None:
        # As long as a thread hangs its turn is taken; and nobody may be left to hear of its error.
        self._turns.release()
        if not task.cancelled():
            task.exception()

    def _unavailable(self) -> DatabaseUnavailable:
        return DatabaseUnavailable(f"The database has not answered for {self._patience:g} s.")
