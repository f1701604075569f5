"""Marks of what webhooks tell of, and of what applications have written: due before all others."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Text, Update, and_, bindparam, case, func, or_, select, update

from syncer.domain.environments import DEFAULT_ENVIRONMENT
from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.stream_key import StreamKey
from syncer.domain.webhooks.pauses import LONGEST
from syncer.store.db.types import Timestamp
from syncer.store.schema.state_tables import streams
from syncer.store.schema.stream_key import bound_stream_filter, stream_parameters


def _mark_told() -> Update:
    """Compose the statement that marks a stream that webhooks tell of."""
    now, first = bindparam("marked", type_=Timestamp), bindparam("first_told", type_=Timestamp)
    is_pausing = streams.c.pause_until.between(now, bindparam("latest_pause", type_=Timestamp))
    due_at: Any = case((is_pausing, streams.c.pause_until), else_=now)
    is_earlier = or_(streams.c.due_at.is_(None), streams.c.due_at > due_at)
    is_urgent = or_(is_earlier, streams.c.due_purpose > int(Purpose.WEBHOOK))
    is_first = or_(streams.c.told_at.is_(None), streams.c.told_at > first)
    return (
        update(streams)
        .where(*bound_stream_filter(streams))
        .values(
            told_at=case((is_first, first), else_=streams.c.told_at),
            due_at=case((is_earlier, due_at), else_=streams.c.due_at),
            due_purpose=case((is_urgent, int(Purpose.WEBHOOK)), else_=streams.c.due_purpose),
        )
    )


def _mark_written() -> Update:
    """Compose the statement that marks a stream that an application has written to."""
    now, later = bindparam("marked", type_=Timestamp), bindparam("later", type_=Timestamp)
    is_pausing = streams.c.pause_until.between(now, bindparam("latest_pause", type_=Timestamp))
    due_at: Any = case((or_(is_pausing, streams.c.lease_owner.is_not(None)), later), else_=now)
    is_earlier = or_(streams.c.due_at.is_(None), streams.c.due_at > due_at)
    return (
        update(streams)
        .where(*bound_stream_filter(streams))
        .values(
            told_at=func.coalesce(streams.c.told_at, now),
            due_at=case((is_earlier, due_at), else_=streams.c.due_at),
            due_purpose=int(Purpose.WRITE),
        )
    )


#: Made once: every event and every write needs one.
_MARK_TOLD = _mark_told()
_MARK_WRITTEN = _mark_written()
#: Time after which a write is read that follows another one: of many in a row each costs no run of its own.
AFTER_ANOTHER = timedelta(seconds=1)


class ToldStreams(Struct, frozen=True):
    """Streams of one environment that webhooks tell of. Part of ``StreamStore``."""

    environment: str = DEFAULT_ENVIRONMENT

    def mark_told(self, connection: Connection, told: Mapping[StreamKey, datetime], *, now: datetime) -> None:
        """Make streams due that webhooks tell of, before all others: now, or at the end of the pause after
        a run because of webhooks. Of two marks the earlier time stays.

        told: the streams, each with the arrival of the first webhook that tells of it.
        """
        if told:
            parameters = [
                {
                    **stream_parameters(self.environment, key),
                    "first_told": first,
                    "marked": now,
                    "latest_pause": now + LONGEST,
                }
                for key, first in sorted(told.items())
            ]
            connection.execute(_MARK_TOLD, parameters)

    def mark_written(self, connection: Connection, keys: Collection[StreamKey], *, now: datetime) -> None:
        """Make streams due that an application has written to, before what webhooks tell of.

        Now, or where a run has just been or is under way a second later: no pause after webhooks holds a
        write back, and many writes cause few runs. Of two marks the earlier time stays.
        """
        times = {"marked": now, "later": now + AFTER_ANOTHER, "latest_pause": now + LONGEST}
        connection.execute(
            _MARK_WRITTEN,
            [{**stream_parameters(self.environment, key), **times} for key in sorted(keys)],
        )

    def lock(self, connection: Connection, keys: Collection[StreamKey], *, waits: bool) -> set[StreamKey]:
        """Lock streams' rows until the end of the transaction; give those that are locked.

        waits: for transactions that have some of them, as a page's has its stream's; otherwise these are
        left out. On SQLite a transaction that writes has locked everything.
        """
        if not keys or connection.dialect.name == "sqlite":
            return set(keys)
        # Not read where the database is SQLite.
        from sqlalchemy.dialects.postgresql import ARRAY

        asked = (
            func.unnest(
                bindparam(None, [each.integration_id for each in keys], ARRAY(Text)),
                bindparam(None, [each.model for each in keys], ARRAY(Text)),
            )
            .table_valued("integration_id", "model", name="asked")
            .render_derived()
        )
        columns = streams.c.integration_id, streams.c.model
        found = connection.execute(
            select(*columns)
            .join(asked, and_(columns[0] == asked.c.integration_id, columns[1] == asked.c.model))
            .where(streams.c.environment == self.environment)
            .order_by(*columns)
            .with_for_update(of=streams, skip_locked=not waits)
        )
        return {StreamKey(row.integration_id, row.model) for row in found}
