"""State, unfinished walk and lease of each stream. Times come from the database's clock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    ClauseElement,
    Connection,
    Integer,
    Update,
    and_,
    bindparam,
    case,
    func,
    literal,
    true,
    update,
)

from syncer.domain.errors import LeaseLost
from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.records.change import Counts
from syncer.domain.scheduling.intervals import ChangeHistory
from syncer.domain.streams.state import Outcome, StreamState
from syncer.domain.streams.stream import Stream, Walk
from syncer.store.db.types import Timestamp
from syncer.store.schema.state_tables import streams
from syncer.store.schema.stream_key import bound_stream_filter, stream_parameters
from syncer.store.state.claims import Claim, ClaimedStreams, Lease
from syncer.store.state.stream_columns import filters_text, row_counts, walk_values

__all__ = ["Claim", "Lease", "StreamStore", "Told"]

#: Made once: every run and every page runs what it is part of.
_NAMED = bound_stream_filter(streams)

_NOTHING = Counts()


class Told(Struct, frozen=True):
    """News that webhooks tell of, after a run that they have caused.

    left_since: the arrival of the first event that the run has not read the news of; None: there is none.
    is_left_by_run: the run went well, and another one has to read them. pause_until: before that they cause
    no further run.
    """

    left_since: datetime | None
    pause_until: datetime
    is_left_by_run: bool = False


class StreamStore(ClaimedStreams, frozen=True):
    """Streams of one environment."""

    def renew(self, connection: Connection, lease: Lease, now: datetime, length: timedelta) -> None:
        """Renew the lease. Raises LeaseLost where another runner has taken the stream."""
        self._fenced(connection, lease, {"lease_until": now + length})

    def save_walk(
        self,
        connection: Connection,
        lease: Lease,
        walk: Walk,
        counts: Counts,
        *,
        now: datetime,
        length: timedelta,
    ) -> None:
        """Save the walk's checkpoint, in the transaction that stored its page. Raises LeaseLost."""
        self._fenced(
            connection,
            lease,
            {**walk_values(walk), "lease_until": now + length},
            counts,
        )

    def count_rows(self, connection: Connection, lease: Lease, counts: Counts) -> None:
        """Update the counters where rows were written outside of a page. Raises LeaseLost."""
        if counts.live or counts.gone:
            self._fenced(connection, lease, {}, counts)

    def finish_walk(self, connection: Connection, lease: Lease, after: Stream, counts: Counts) -> None:
        """Save the stream as it is after a walk's last page or its sweep. Raises LeaseLost."""
        self._fenced(
            connection,
            lease,
            {
                **walk_values(after.walk),
                "state": after.state,
                "watermark": after.watermark,
                "complete_at": after.complete_at,
                "filters": filters_text(after.filters),
                "last_full_walk_at": after.last_full_walk_at,
                "full_pages": after.full_pages,
            },
            counts,
        )

    def release(
        self,
        connection: Connection,
        lease: Lease,
        *,
        state: StreamState,
        outcome: Outcome,
        error: str | None,
        failures: int,
        now: datetime,
        due_at: datetime | None,
        changes_seen: ChangeHistory | None = None,
        told: Told | None = None,
    ) -> None:
        """End a run: save its outcome and free the lease. Raises LeaseLost.

        changes_seen: history of the stream's changes with this run, where it adds to it. told: what webhooks
        have still told of, where they had caused the run. Of a model that is not offered (any more) nothing
        that was read of it counts as complete.
        """
        views: dict[str, Any] = {}
        if outcome is Outcome.UNAVAILABLE:
            views = {**walk_values(None), "last_full_walk_at": None}
        if changes_seen is not None:
            views |= {"changes": changes_seen.changes, "watched": changes_seen.watched}
        # Keep a due time that was set during the run: it asks for another run.
        next_due: Any = func.coalesce(streams.c.due_at, due_at)
        if told is not None:
            # What webhooks told of during the run waits for the end of the pause, too.
            by_webhook: Any = streams.c.due_purpose == int(Purpose.WEBHOOK)
            if told.is_left_by_run:
                by_webhook = true()
                more_urgent = streams.c.due_purpose < int(Purpose.WEBHOOK)
                views |= {
                    "due_purpose": case((more_urgent, streams.c.due_purpose), else_=int(Purpose.WEBHOOK))
                }
            # What was written meanwhile does not.
            is_written = and_(streams.c.due_purpose == int(Purpose.WRITE), streams.c.due_at.is_not(None))
            next_due = case(
                (is_written, streams.c.due_at),
                (by_webhook, literal(told.pause_until, Timestamp)),
                else_=next_due,
            )
            views |= {"told_at": told.left_since, "pause_until": told.pause_until}
        self._fenced(
            connection,
            lease,
            {
                **views,
                "state": state,
                "last_outcome": outcome,
                "last_error": error,
                "last_run_at": now,
                "failures": failures,
                "due_at": next_due,
                "lease_owner": None,
                "lease_until": None,
            },
        )

    def free(
        self,
        connection: Connection,
        lease: Lease,
        *,
        state: StreamState,
        outcome: Outcome | None,
        error: str | None,
    ) -> None:
        """Free a lease that was no run of the stream, and save how the stream is. Raises LeaseLost."""
        how = {"state": state, "last_outcome": outcome, "last_error": error}
        self._fenced(connection, lease, {**how, "lease_owner": None, "lease_until": None})

    def _fenced(
        self,
        connection: Connection,
        lease: Lease,
        values: Mapping[str, Any],
        counts: Counts = _NOTHING,
    ) -> None:
        """Update the stream under its lease. counts: effects by which its row counters change."""
        expressions = {name: each for name, each in values.items() if isinstance(each, ClauseElement)}
        plain = {name: each for name, each in values.items() if name not in expressions}
        more = {"more_live": counts.live, "more_gone": counts.gone} if counts.live or counts.gone else {}
        statement = _fenced_update(tuple(plain), counts=bool(more))
        changed = connection.execute(
            statement.values(expressions) if expressions else statement,
            {
                **stream_parameters(self.environment, lease.key),
                "lease_holder": lease.owner,
                "lease_fence": lease.fence,
                **{f"new_{name}": each for name, each in plain.items()},
                **more,
            },
        )
        if not changed.rowcount:
            raise LeaseLost(f"Another runner has taken {lease.key.model} of {lease.key.integration_id} over.")


@cache
def _fenced_update(names: tuple[str, ...], *, counts: bool) -> Update:
    """Make the update of these columns, and of the row counters, under a lease, once for all pages."""
    more = row_counts(bindparam("more_live", type_=Integer), bindparam("more_gone", type_=Integer))
    return (
        update(streams)
        .where(
            *_NAMED,
            streams.c.lease_owner == bindparam("lease_holder"),
            streams.c.fence == bindparam("lease_fence"),
        )
        .values({**{name: bindparam(f"new_{name}") for name in names}, **(more if counts else {})})
    )
