"""Queue of due streams: marked by the schedule, a webhook or a run's end, the most urgent first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    Connection,
    and_,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
    union_all,
    update,
)

from syncer.domain.clocks import TOLERANCE, distrust_future
from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.scheduling.intervals import ChangeHistory, change_rate
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.state import LONGEST_RECHECK, RECHECKED
from syncer.store.db.in_values import in_values
from syncer.store.db.types import Timestamp
from syncer.store.schema.state_tables import streams
from syncer.store.schema.stream_key import stream_filter
from syncer.store.state.told_streams import ToldStreams

#: Streams whose runner died go before everything else.
LEFT_BEHIND = -1
#: Length of a lease, at most, unless a longer one is set: others may have another setting.
LONGEST_LEASE = timedelta(hours=1)


class Turn(Struct, frozen=True):
    """Schedule of one stream: time at which it was last made due, and history of its changes.

    told_until: when the pause after its last run because of webhooks ended, which is soon after the run.
    """

    integration_id: str
    scheduled_at: datetime | None
    changes_seen: ChangeHistory
    told_until: datetime | None = None


def is_lapsed(until: datetime | None, now: datetime, length: timedelta) -> bool:
    """Tell whether a lease has ended, or lies further ahead than one of this length can."""
    until = distrust_future(until, now, length + TOLERANCE)
    return until is None or until < now


class DueStreams(ToldStreams, frozen=True):
    """Due times of the streams of one environment. Part of ``StreamStore``."""

    def mark_due(
        self,
        connection: Connection,
        keys: Iterable[StreamKey],
        *,
        now: datetime,
        purpose: int,
        scheduled_at: datetime | None = None,
    ) -> int:
        """Make streams due now; of two marks the earlier time and the more urgent purpose stay. Give how
        many were not due before.

        scheduled_at: set where the schedule makes them due, which counts on from there. A stream that has a
        time of its own to be tried again, because something is wrong with it, waits for that. For what
        webhooks tell of there is ``mark_told``.
        """
        due_at = literal(now, Timestamp)
        is_later = streams.c.due_at > due_at
        needs_urgency = streams.c.due_purpose > purpose
        scheduled: dict[str, Any] = {}
        if scheduled_at is not None:
            # A mark that lies ahead is one of a clock that was ahead.
            is_later = and_(is_later, streams.c.due_purpose.is_not(None))
            scheduled = {"scheduled_at": scheduled_at}
            needs_change = or_(needs_urgency, streams.c.scheduled_at.is_distinct_from(scheduled_at))
        else:
            needs_change = needs_urgency
        # Each row is written once: a tick may mark ten thousand of them.
        mark = (
            update(streams)
            .where(or_(streams.c.due_at.is_(None), is_later))
            .values(due_at=due_at, due_purpose=purpose, **scheduled)
        )
        hurry = (
            update(streams)
            .where(needs_change)
            .values(due_purpose=case((needs_urgency, purpose), else_=streams.c.due_purpose), **scheduled)
        )
        changed = 0
        for these in self._some(connection, keys):
            changed += connection.execute(mark.where(these)).rowcount
            connection.execute(hurry.where(these))
        return changed

    def due(
        self,
        connection: Connection,
        now: datetime,
        is_dead: Callable[[str], bool],
        limit: int,
        *,
        length: timedelta = LONGEST_LEASE,
        without: Collection[str] = (),
    ) -> dict[StreamKey, int]:
        """Find the streams to work on now, with the ranks of their purposes; the most urgent come first.

        Due ones that nobody has a lease on, and those whose runner died before it could release them: they
        go first. A stream that comes back on its own is as urgent as one that the schedule has marked. A time
        or a lease that lies further ahead than it can counts as none. length: of leases, as far as is known.
        without: lists that are not looked for.
        """
        question = _free_streams(self.environment, limit, tuple(sorted(without)))
        times = {
            "now": now,
            "beyond_clocks": now + TOLERANCE,
            "beyond_rechecks": now + LONGEST_RECHECK,
        }
        found = [tuple(row) for row in connection.execute(question, times)]
        rank = func.coalesce(streams.c.due_purpose, LEFT_BEHIND)
        until = streams.c.lease_until
        leased = connection.execute(
            select(
                rank,
                streams.c.due_at,
                streams.c.integration_id,
                streams.c.model,
                streams.c.lease_owner,
                until,
            ).where(self._mirrored, streams.c.lease_owner.is_not(None))
        )
        found += [
            (row[0], row.due_at or row.lease_until, row.integration_id, row.model)
            for row in leased
            if row.model not in without
            and (is_lapsed(row.lease_until, now, max(length, LONGEST_LEASE)) or is_dead(row.lease_owner))
        ]
        return {StreamKey(each[2], each[3]): each[0] for each in sorted(found)[:limit]}

    def lists_of(self, connection: Connection, integration_ids: Iterable[str]) -> dict[str, list[str]]:
        """Read the names of the lists that are mirrored of integrations, by integration."""
        lists: dict[str, list[str]] = {each: [] for each in integration_ids}
        found = connection.execute(
            select(streams.c.integration_id, streams.c.model).where(
                self._mirrored, in_values(connection, streams.c.integration_id, lists)
            )
        )
        for integration_id, model in found:
            lists[integration_id].append(model)
        return lists

    def next_due(self, connection: Connection, after: datetime) -> datetime | None:
        """Give the time when the next stream becomes due; None where nothing is scheduled."""
        moment: datetime | None = connection.execute(
            select(streams.c.due_at)
            .where(self._mirrored, streams.c.due_at > after)
            .order_by(streams.c.due_at)
            .limit(1)
        ).scalar_one_or_none()
        return moment

    def scheduled(self, connection: Connection, model: str) -> list[Turn]:
        """Read the model's streams, by integration, each with the time when the schedule last made it due."""
        found = connection.execute(
            select(
                streams.c.integration_id,
                streams.c.scheduled_at,
                streams.c.changes,
                streams.c.watched,
                streams.c.pause_until,
            )
            .where(self._mirrored, streams.c.model == model)
            .order_by(streams.c.integration_id)
        )
        return [Turn(row[0], row[1], ChangeHistory(row[2], row[3]), row[4]) for row in found]

    def waiting(
        self, connection: Connection, before: datetime
    ) -> list[tuple[StreamKey, datetime, ChangeHistory]]:
        """Read the streams that have been read whole once and have been due since before that time."""
        found = connection.execute(
            select(
                streams.c.integration_id,
                streams.c.model,
                streams.c.due_at,
                streams.c.changes,
                streams.c.watched,
            ).where(
                self._mirrored,
                streams.c.lease_owner.is_(None),
                streams.c.due_at < before,
                streams.c.last_full_walk_at.is_not(None),
            )
        )
        return [(StreamKey(row[0], row[1]), row[2], ChangeHistory(row[3], row[4])) for row in found]

    def polled(
        self, connection: Connection
    ) -> Iterator[tuple[StreamKey, float | None, int, int, int | None]]:
        """Read the streams that the schedule polls, each with its changes a second, live and deleted rows,
        and pages of the last full walk.

        Not those that have a time of their own, rarer than the schedule's.
        """
        found = connection.execute(
            select(
                streams.c.integration_id,
                streams.c.model,
                streams.c.changes,
                streams.c.watched,
                streams.c.rows_live,
                streams.c.rows_deleted,
                streams.c.full_pages,
            ).where(self._mirrored, streams.c.state.not_in(RECHECKED))
        )
        return (
            (StreamKey(row[0], row[1]), change_rate(row[2], row[3]), row[4], row[5], row[6]) for row in found
        )

    @property
    def _mirrored(self) -> Any:
        return and_(streams.c.environment == self.environment, streams.c.mirrored)

    def _is(self, integration_id: str, model: str) -> Any:
        return and_(*stream_filter(streams, self.environment, StreamKey(integration_id, model)))

    def _some(self, connection: Connection, keys: Iterable[StreamKey]) -> Iterator[Any]:
        """Make conditions that choose the streams, one for each model."""
        integrations: dict[str, list[str]] = defaultdict(list)
        for integration_id, model in keys:
            integrations[model].append(integration_id)
        for model, ids in integrations.items():
            yield and_(
                streams.c.environment == self.environment,
                streams.c.model == model,
                in_values(connection, streams.c.integration_id, ids),
            )


@lru_cache(maxsize=64)
def _free_streams(environment: str, limit: int, without: tuple[str, ...]) -> Any:
    """Compose the question for due streams without a lease: those of each purpose in their order.

    An index gives each part in this order, so that it ends at its limit however many are due. A time that
    lies further ahead than it can counts as none: a mark meant the time when it was made. It is asked all the
    time, and takes longer to compose than to be answered.
    """
    columns = streams.c.due_at, streams.c.integration_id, streams.c.model
    others = [streams.c.model.not_in(without)] if without else []
    now = bindparam("now", type_=Timestamp)
    parts = []
    for purpose in (*Purpose, None):
        rank = literal(int(Purpose.INCREMENTAL if purpose is None else purpose))
        beyond = bindparam("beyond_rechecks" if purpose is None else "beyond_clocks", type_=Timestamp)
        for is_due in (streams.c.due_at <= now, streams.c.due_at > beyond):
            of_purpose = (
                select(rank.label("rank"), *columns)
                .where(
                    streams.c.environment == environment,
                    streams.c.mirrored,
                    streams.c.due_purpose == (None if purpose is None else int(purpose)),
                    streams.c.lease_owner.is_(None),
                    is_due,
                    *others,
                )
                .order_by(*columns)
                .limit(limit)
            )
            parts.append(select(of_purpose.subquery()))
    return union_all(*parts)
