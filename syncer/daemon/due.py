"""Streams that are due, as everybody reads them who has them run; and the logs of what has been done."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct
from sqlalchemy import Connection

from syncer.domain.clocks import TOLERANCE, distrust_future
from syncer.domain.stream_key import StreamKey
from syncer.store.state.runs import forget_old_runs
from syncer.sync.context import SyncContext
from syncer.sync.newer_version import left_to_newer
from syncer.sync.sources.lookup import is_known

#: How often the logs of runs and events are trimmed.
TRIM_EVERY = timedelta(hours=6)


class Due(Struct, frozen=True):
    """Streams to work on at this time of the database's, with the ranks of their purposes, in their order.

    following: when the next one becomes due; None: no time is known.
    """

    now: datetime
    streams: dict[StreamKey, int]
    following: datetime | None

    def pause(self, longest: float) -> float:
        """Give the seconds until the next look, as many at most."""
        if self.following is None:
            return longest
        return min(max((self.following - self.now).total_seconds(), 0.05), longest)


def read_due(connection: Connection, context: SyncContext, limit: int) -> Due:
    """Read the most urgent streams that are due, without those that this version or configuration lacks."""
    now = context.database.now(connection)
    left = left_to_newer(connection, context)
    due = context.streams.due(
        connection, now, context.is_dead, limit, length=context.rules.lease, without=left
    )
    due = {key: rank for key, rank in due.items() if is_known(context, key)}
    return Due(now, due, context.streams.next_due(connection, after=now))


def without_left_out(
    connection: Connection, context: SyncContext, keys: Iterable[StreamKey]
) -> list[StreamKey]:
    """Leave out the streams whose lists this version or configuration lacks."""
    left = left_to_newer(connection, context)
    return [key for key in keys if key.model not in left and is_known(context, key)]


class LogTrimmer:
    """Trims the logs of runs and events of one environment, every TRIM_EVERY."""

    def __init__(self, context: SyncContext) -> None:
        self._context = context
        self._trimmed_at: datetime | None = None

    async def trim(self, now: datetime) -> None:
        """Forget what is old, if it is time to; now: of the database. Raises DatabaseError."""
        trimmed_at = distrust_future(self._trimmed_at, now, TOLERANCE)
        if trimmed_at is None or now - trimmed_at > TRIM_EVERY:
            database = self._context.database
            await database.write(lambda connection: forget_old_runs(connection, now))
            events = self._context.webhook_events
            while await database.write(lambda connection: events.forget_old(connection, now)):
                pass
            self._trimmed_at = now
