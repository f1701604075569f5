"""Claims of streams: who works on one takes its lease first. Part of ``StreamStore``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Row, Select, Update, and_, bindparam, or_, select, update

from syncer.domain.clocks import TOLERANCE
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.state import LONGEST_RECHECK
from syncer.domain.streams.stream import Stream
from syncer.store.schema.state_tables import streams
from syncer.store.schema.stream_key import bound_stream_filter, stream_parameters
from syncer.store.state.due import LONGEST_LEASE, is_lapsed
from syncer.store.state.mirrored_streams import MirroredStreams
from syncer.store.state.stream_columns import STREAM_COLUMNS, stream_of

#: Made once, as what follows: every run runs them.
_NAMED = bound_stream_filter(streams)
_GET_LEASE = select(streams.c.lease_owner, streams.c.lease_until, streams.c.fence).where(*_NAMED)
_HELD = streams.c.due_purpose, streams.c.lease_owner, streams.c.lease_until
_GET_TIMES: Select[Any] = select(streams.c.due_at, *_HELD).where(*_NAMED, streams.c.mirrored)


class Lease(Struct, frozen=True):
    """Right to work on one stream until it ends or is renewed. fence grows with every lease."""

    key: StreamKey
    owner: str
    fence: int


class Claim(Struct, frozen=True):
    """Lease of a stream that was due, and the stream as it was before."""

    lease: Lease
    before: Stream


class ClaimedStreams(MirroredStreams, frozen=True):
    """Leases of the streams of one environment, as they are taken."""

    def claim(
        self,
        connection: Connection,
        key: StreamKey,
        *,
        owner: str,
        now: datetime,
        length: timedelta,
        is_dead: Callable[[str], bool],
        answers: bool = True,
    ) -> Lease | None:
        """Take the stream's lease; None where a living runner has it.

        answers: whether the run does what made the stream due, which is then forgotten.
        is_dead: true for an owner that is a process of this host and has ended: then its lease is free at
        once. If it errs, the fence keeps the other runner from writing.
        """
        row = connection.execute(_GET_LEASE, stream_parameters(self.environment, key)).one_or_none()
        if row is None:
            return None
        is_free = row.lease_owner is None or is_lapsed(row.lease_until, now, max(length, LONGEST_LEASE))
        if not is_free and not is_dead(row.lease_owner):
            return None
        taken = connection.execute(
            update(streams)
            .where(self._is(*key), streams.c.fence == row.fence)
            .values(
                lease_owner=owner,
                lease_until=now + length,
                fence=row.fence + 1,
                **({"due_at": None, "due_purpose": None} if answers else {}),
            )
        )
        return Lease(key, owner, row.fence + 1) if taken.rowcount else None

    def claim_due(
        self,
        connection: Connection,
        keys: Sequence[StreamKey],
        most: int,
        *,
        owner: str,
        now: datetime,
        length: timedelta,
        is_dead: Callable[[str], bool],
        waits: bool = False,
    ) -> list[Claim]:
        """Take the leases of the first of these streams that are still to be worked on, so many at most.

        One that somebody else is claiming at this moment is passed over, and so is one whose row another
        transaction has for another reason: both look alike. waits: for these instead, as who asks for several
        must not: two that wait for each other would stop.
        """
        taken: dict[StreamKey, Row[Any]] = {}
        left = list(keys)
        while left and len(taken) < most:
            # No more rows than are wanted: those of the others are somebody else's.
            number = most - len(taken)
            chosen, left = left[:number], left[number:]
            found = {
                StreamKey(row.integration_id, row.model): row
                for row in connection.execute(_lock(len(chosen), waits=waits), self._listed(chosen))
            }
            taken |= {
                key: found[key]
                for key in chosen
                if key in found and _is_to_be_run(found[key], now, length, is_dead)
            }
        if not taken:
            return []
        connection.execute(
            _take(len(taken)),
            {**self._listed(list(taken)), "lease_holder": owner, "lease_end": now + length},
        )
        return [
            Claim(Lease(key, owner, row.fence + 1), stream_of(row[: len(STREAM_COLUMNS)]))
            for key, row in taken.items()
        ]

    def is_due(
        self,
        connection: Connection,
        key: StreamKey,
        now: datetime,
        length: timedelta,
        is_dead: Callable[[str], bool],
    ) -> bool:
        """Tell whether a stream is one to work on now, as ``due`` finds them."""
        row = connection.execute(_GET_TIMES, stream_parameters(self.environment, key)).one_or_none()
        return row is not None and _is_to_be_run(row, now, length, is_dead)

    def _listed(self, keys: Sequence[StreamKey]) -> Mapping[str, Any]:
        listed = {"stream_environment": self.environment}
        for number, key in enumerate(keys):
            listed |= {f"integration_{number}": key.integration_id, f"model_{number}": key.model}
        return listed


def _among(count: int) -> ColumnElement[bool]:
    """Make the condition that chooses so many streams by their keys, for a statement that is made once.

    SQLite finds no rows by pairs of values in an index; a stream for each part of an OR it finds there.
    """
    return or_(
        *(
            and_(
                streams.c.environment == bindparam("stream_environment"),
                streams.c.integration_id == bindparam(f"integration_{number}"),
                streams.c.model == bindparam(f"model_{number}"),
            )
            for number in range(count)
        )
    )


@cache
def _lock(count: int, *, waits: bool) -> Select[Any]:
    """Compose the question for so many streams, whose rows are locked; waits: for others who have them.

    SQLite locks no rows: there all of the transaction is alone.
    """
    found = select(*STREAM_COLUMNS, *_HELD, streams.c.fence).where(_among(count), streams.c.mirrored)
    return found.with_for_update(key_share=True, skip_locked=not waits)


@cache
def _take(count: int) -> Update:
    """Compose the update by which so many streams get a lease and are not due any more."""
    return (
        update(streams)
        .where(_among(count))
        .values(
            lease_owner=bindparam("lease_holder"),
            lease_until=bindparam("lease_end"),
            fence=streams.c.fence + 1,
            due_at=None,
            due_purpose=None,
        )
    )


def _is_to_be_run(row: Row[Any], now: datetime, length: timedelta, is_dead: Callable[[str], bool]) -> bool:
    if row.lease_owner is not None:
        return is_lapsed(row.lease_until, now, max(length, LONGEST_LEASE)) or is_dead(row.lease_owner)
    ahead = LONGEST_RECHECK if row.due_purpose is None else TOLERANCE
    return row.due_at is not None and (row.due_at <= now or row.due_at > now + ahead)
