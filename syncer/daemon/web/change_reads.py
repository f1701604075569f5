"""Reads of the change feed for requests."""

from __future__ import annotations

from syncer.app import App
from syncer.daemon.web.change_query import ChangeQuery
from syncer.daemon.web.patient_reads import PatientReads
from syncer.operations.changes import Newest, acknowledge, begin_reading
from syncer.store.reading.changes import FeedPage, read_changes

#: Reads at the same time: the database's connections are for those who work.
AT_ONCE = 2


class ChangeReads:
    """Reads and acknowledgements; each raises DatabaseError, and UsageError for a number not given yet.

    patience: seconds that a request waits for the database.
    """

    def __init__(self, app: App, patience: float) -> None:
        self._app = app
        self._reads = PatientReads(AT_ONCE, patience)

    async def acknowledge(self, consumer: str, sequence: int | Newest) -> int:
        """Move a consumer forward to a number; give the number."""
        return await self._reads.run(lambda: acknowledge(self._app, consumer, sequence))

    async def begin(self, query: ChangeQuery) -> tuple[FeedPage, bytes]:
        """Acknowledge what the query's consumer has seen, and read the first page, as ``read`` does."""
        consumer, after = query.consumer, query.after
        if consumer is not None and after is not None:
            return await self.read(query, await self.acknowledge(consumer, after))

        def first() -> int:
            with self._app.database.read() as connection:
                return begin_reading(connection, after, consumer)

        return await self.read(query, await self._reads.run(first))

    async def read(self, query: ChangeQuery, after: int) -> tuple[FeedPage, bytes]:
        """Read the page behind a number, and encode it as the query wants it."""

        def read() -> tuple[FeedPage, bytes]:
            with self._app.database.read() as connection:
                page = read_changes(
                    connection, after, query.limit, query.selection, documents=query.documents
                )
            return page, query.encode(page)

        return await self._reads.run(read)
