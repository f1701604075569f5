"""Troubles that are there now, read from the state of streams, missing rows, verifications, keys, deliveries.

A few statements that sum up in the database: there may be many streams.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from syncer.domain.alerts.trouble import AlertKey, AlertKind, Trouble
from syncer.domain.deliveries.delivery import DeliveryState
from syncer.domain.scheduling.intervals import IntervalBounds
from syncer.domain.streams.state import StreamState
from syncer.store.db.types import Timestamp
from syncer.store.schema.state_tables import missing, streams
from syncer.store.state.deliveries import DeliveryRow, read_deliveries
from syncer.store.state.held import IS_HELD
from syncer.store.state.refused_keys import read_refusal
from syncer.store.state.verifications import DifferingStream, differing_streams

#: Names of lists that a description has, at most.
MOST_NAMED = 3
#: Intervals of the longest kind that a complete view may be old, whatever is the reason.
STALE_INTERVALS = 2
#: States of a stream that is polled, and waits for its turn at most.
_POLLED = (StreamState.COMPLETE, StreamState.INCOMPLETE, StreamState.HELD)


def read_troubles(
    connection: Connection,
    environment: str,
    key_fingerprint: str | None,
    bounds: Mapping[str, IntervalBounds],
    now: datetime,
) -> dict[AlertKey, Trouble]:
    """Read the troubles of one environment. bounds: of the polling intervals, by list."""
    found = {
        AlertKey(environment, kind, subject): trouble
        for kind, troubles in (
            (AlertKind.FAILING, _failing(connection, environment)),
            (AlertKind.STALE, _stale(connection, environment, bounds, now)),
            (AlertKind.HELD, _held(connection, environment)),
            (AlertKind.DIFFERING, _differing(connection, environment)),
        )
        for subject, trouble in troubles
    }
    refusal = read_refusal(connection, environment, key_fingerprint) if key_fingerprint else None
    if refusal is not None:
        refused = Trouble("Kombo refuses the API key, and nothing is read", refusal.since)
        found[AlertKey(environment, AlertKind.KEY_REFUSED, environment)] = refused
    return found


def read_stuck_deliveries(connection: Connection, names: Collection[str]) -> dict[AlertKey, Trouble]:
    """Read the troubles of these deliveries; one that a person has paused is in none."""
    return {
        AlertKey("", AlertKind.DELIVERY_STUCK, name): trouble
        for name, row in read_deliveries(connection).items()
        if name in names and (trouble := _stuck(row)) is not None
    }


def _stuck(row: DeliveryRow) -> Trouble | None:
    since = row.failing_since or row.state_since
    if row.state is DeliveryState.STOPPED:
        return Trouble("its receiver wants no more changes (HTTP 410)", since)
    if row.state is DeliveryState.ACTIVE and row.failures:
        return Trouble("its receiver does not accept changes", since)
    return None


def _failing(connection: Connection, environment: str) -> Iterator[tuple[str, Trouble]]:
    """Find lists that cannot be read; not those of an integration that nobody has set up yet."""
    columns = streams.c
    is_failing = or_(
        columns.state.in_((StreamState.FAILED, StreamState.GONE)),
        and_(columns.state == StreamState.WAITING, columns.complete_at.is_not(None)),
    )
    found = connection.execute(
        select(columns.integration_id, columns.state, columns.model)
        .where(columns.environment == environment, columns.mirrored, is_failing)
        .order_by(columns.integration_id, columns.model)
    )
    models: dict[str, list[str]] = defaultdict(list)
    states: dict[str, Counter[str]] = defaultdict(Counter)
    for integration, state, model in found:
        models[integration].append(model)
        states[integration][state] += 1
    for integration, names in models.items():
        counts = ", ".join(f"{state} {count:,}" for state, count in sorted(states[integration].items()))
        yield integration, Trouble(f"{_lists(names)} cannot be read: {counts}")


def _stale(
    connection: Connection, environment: str, bounds: Mapping[str, IntervalBounds], now: datetime
) -> Iterator[tuple[str, Trouble]]:
    """Find lists that have waited for their turn for longer than an interval, or have no recent view."""
    models: dict[str, list[str]] = defaultdict(list)
    since: dict[str, datetime] = {}
    columns = streams.c
    for condition, moment, late in _overdue(bounds, now):
        found = connection.execute(
            select(columns.integration_id, columns.model, moment)
            .where(
                columns.environment == environment,
                columns.mirrored,
                columns.state.in_(_POLLED),
                columns.last_full_walk_at.is_not(None),
                condition,
            )
            .order_by(columns.integration_id, columns.model)
        )
        for integration, model, then in found:
            if model not in models[integration]:
                models[integration].append(model)
            since[integration] = min(since.get(integration, now), then + late)
    for integration, names in models.items():
        yield integration, Trouble(f"{_lists(sorted(names))} {_are(names)} overdue", since[integration])


def _overdue(
    bounds: Mapping[str, IntervalBounds], now: datetime
) -> Iterator[tuple[ColumnElement[bool], ColumnElement[datetime], timedelta]]:
    """Make conditions for what is overdue: each with the moment that counts, and how old it may be.

    One that runs is not waiting, however long it takes.
    """
    alike: dict[IntervalBounds, list[str]] = defaultdict(list)
    for model, each in bounds.items():
        alike[each].append(model)
    for each, names in alike.items():
        for moment, late, besides in (
            (streams.c.due_at, timedelta(seconds=each.shortest), streams.c.lease_owner.is_(None)),
            (streams.c.complete_at, timedelta(seconds=STALE_INTERVALS * each.longest), None),
        ):
            condition = and_(streams.c.model.in_(names), moment < now - late)
            yield condition if besides is None else and_(condition, besides), moment, late


def _held(connection: Connection, environment: str) -> Iterator[tuple[str, Trouble]]:
    """Find rows that wait for approval."""
    found = connection.execute(
        select(
            missing.c.integration_id,
            missing.c.model,
            func.count(),
            func.min(missing.c.held_at, type_=Timestamp),
        )
        .where(missing.c.environment == environment, IS_HELD)
        .group_by(missing.c.integration_id, missing.c.model)
        .order_by(missing.c.integration_id, missing.c.model)
    )
    held: dict[str, list[tuple[str, int, datetime]]] = defaultdict(list)
    for integration, model, rows, since in found:
        held[integration].append((model, rows, since))
    for integration, parts in held.items():
        rows = sum(each[1] for each in parts)
        what = f"{rows:,} {'row' if rows == 1 else 'rows'} of {_lists([each[0] for each in parts])}"
        waiting = f"{what} {'is' if rows == 1 else 'are'} missing at Kombo, until somebody approves that"
        yield integration, Trouble(waiting, min(each[2] for each in parts))


def _differing(connection: Connection, environment: str) -> Iterator[tuple[str, Trouble]]:
    """Find lists of which the last verification found that they differ from Kombo's."""
    differing: dict[str, list[DifferingStream]] = defaultdict(list)
    for each in differing_streams(connection, environment):
        differing[each.key.integration_id].append(each)
    for integration, parts in differing.items():
        records = sum(each.records for each in parts)
        what = f"{records:,} {'record' if records == 1 else 'records'}"
        lists = _lists([each.key.model for each in parts])
        differ = f"that {'differs' if records == 1 else 'differ'} from Kombo's"
        found = f"verification found {what} of {lists} {differ}"
        yield integration, Trouble(found, min(each.ended_at for each in parts))


def _are(names: Collection[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _lists(names: Sequence[str]) -> str:
    """Name some lists: ``3 lists (hris_employees, hris_groups, hris_teams)``."""
    shown: Iterable[str] = names[:MOST_NAMED]
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{len(names)} {'list' if len(names) == 1 else 'lists'} ({', '.join(shown)}{more})"
