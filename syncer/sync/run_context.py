"""Context of one run: its lease, its list, and the stream as it was before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from msgspec import Struct, field
from sqlalchemy import Connection

from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.stream import Stream
from syncer.store.state.streams import Lease
from syncer.sync.context import SyncContext
from syncer.sync.integrations import Integrations
from syncer.sync.sources.base import Source
from syncer.sync.tables import on_table

_T = TypeVar("_T")


class StoredPages(Struct):
    """Number of the pages that a run knows to be stored."""

    count: int = 0


class RunContext(Struct, frozen=True):
    """One run on one stream: the lease it holds, the list it reads, and the stream as it was before.

    stored: what the database has to remember of it. is_sync: the run brings the stream up to date, and
    decides about its outcome and its next attempt. Other runs write single records and leave these alone.
    """

    context: SyncContext
    integrations: Integrations
    lease: Lease
    run_id: str
    source: Source
    before: Stream
    began_at: datetime
    is_sync: bool
    stored: StoredPages = field(default_factory=StoredPages)

    @property
    def key(self) -> StreamKey:
        """Key of the stream."""
        return self.lease.key

    @property
    def environment(self) -> str:
        """Environment of the stream."""
        return self.context.streams.environment

    def fence(self, connection: Connection) -> datetime:
        """Renew the lease inside a transaction that writes; give the database's time.

        A runner that was paused beyond its lease cannot write any more. Raises LeaseLost.
        """
        now = self.context.database.now(connection)
        self.renew(connection, now)
        return now

    def renew(self, connection: Connection, now: datetime) -> None:
        """Renew the lease inside a transaction that writes. Raises LeaseLost."""
        self.context.streams.renew(connection, self.lease, now, self.context.rules.lease)

    async def write(self, work: Callable[[Connection], _T]) -> _T:
        """Run work on the stream's rows in a writing transaction on a worker thread.

        Raises TableUnavailable where only these cannot be used.
        """
        database = self.context.database
        return await on_table(database, self.key.model, database.write(work))

    async def read(self, work: Callable[[Connection], _T]) -> _T:
        """Run work on the stream's rows in a reading transaction on a worker thread. Raises as ``write``."""
        database = self.context.database
        return await on_table(database, self.key.model, database.ask(work))
