"""Numbers of the mirror for monitoring, which the database sums up in few statements."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from msgspec import Struct
from sqlalchemy import Connection, and_, case, func, or_, select

from syncer.domain.ratelimit.budget import Budget
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.state import RECHECKED, StreamState
from syncer.store.db.types import Timestamp
from syncer.store.reading.changes import FeedState, feed_state
from syncer.store.schema.state_tables import missing, quarantine, streams
from syncer.store.state.budget import read_budget
from syncer.store.state.consumers import Consumer, read_consumers
from syncer.store.state.held import IS_HELD
from syncer.store.state.processes import count_alive
from syncer.store.state.refused_keys import read_refusal


class EnvironmentNumbers(Struct, frozen=True):
    """Numbers of one environment's mirrored streams, and of its key.

    oldest_complete: by list, of the stream that was complete the longest ago, without those that are not
    offered. overdue: lists of which the schedule has made a stream due since it was last complete, but for
    streams that have a time of their own. walks: those that somebody works on, each with
    its id and the pages that are stored. budget: None before the key's first request.
    """

    states: Counter[StreamState]
    oldest_complete: dict[str, datetime]
    newest_complete_at: datetime | None
    overdue: frozenset[str]
    walks: dict[StreamKey, tuple[str, int]]
    budget: Budget | None
    is_key_refused: bool


class MirrorNumbers(Struct, frozen=True):
    """Numbers of the whole mirror. quarantined: records; held: missing rows that wait for approval.

    processes: those that are alive, by role.
    """

    now: datetime
    environments: dict[str, EnvironmentNumbers]
    quarantined: int
    held: int
    feed: FeedState
    consumers: list[Consumer]
    processes: Counter[str]


def read_numbers(connection: Connection, now: datetime, fingerprints: dict[str, str | None]) -> MirrorNumbers:
    """Read the numbers. fingerprints: of the key of each environment, None where it has none."""
    return MirrorNumbers(
        now,
        {each: _read_environment(connection, each, key) for each, key in fingerprints.items()},
        _count(connection, select(func.count()).select_from(quarantine)),
        _count(connection, select(func.count()).select_from(missing).where(IS_HELD)),
        feed_state(connection),
        read_consumers(connection),
        count_alive(connection, now),
    )


def _count(connection: Connection, statement: object) -> int:
    return int(connection.execute(statement).scalar_one())  # type: ignore[call-overload]


def _read_environment(
    connection: Connection, environment: str, fingerprint: str | None
) -> EnvironmentNumbers:
    columns = streams.c
    is_overdue = and_(
        columns.scheduled_at.is_not(None),
        or_(columns.complete_at.is_(None), columns.complete_at < columns.scheduled_at),
    )
    found = connection.execute(
        select(
            columns.model,
            columns.state,
            func.count(),
            func.min(columns.complete_at, type_=Timestamp),
            func.max(columns.complete_at, type_=Timestamp),
            func.max(case((is_overdue, 1), else_=0)),
        )
        .where(columns.environment == environment, columns.mirrored)
        .group_by(columns.model, columns.state)
    )
    states, overdue = Counter[StreamState](), set[str]()
    oldest, newest = dict[str, datetime](), list[datetime]()
    for model, state, number, first, last, has_overdue in found:
        states[StreamState(state)] += number
        if has_overdue and state not in RECHECKED:
            overdue.add(model)
        if last is not None:
            newest.append(last)
        if first is not None and state != StreamState.UNAVAILABLE:
            oldest[model] = min(first, oldest.get(model, first))
    return EnvironmentNumbers(
        states,
        oldest,
        max(newest, default=None),
        frozenset(overdue),
        _read_walks(connection, environment),
        read_budget(connection, environment, fingerprint) if fingerprint else None,
        bool(fingerprint and read_refusal(connection, environment, fingerprint)),
    )


def _read_walks(connection: Connection, environment: str) -> dict[StreamKey, tuple[str, int]]:
    """Read the walks of streams that are leased, which an index names."""
    columns = streams.c
    found = connection.execute(
        select(columns.integration_id, columns.model, columns.walk_id, columns.walk_pages).where(
            columns.environment == environment,
            columns.lease_owner.is_not(None),
            columns.walk_id.is_not(None),
        )
    )
    return {StreamKey(integration_id, model): (id, pages) for integration_id, model, id, pages in found}
