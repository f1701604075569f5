"""Alerts as they are remembered, and which process is sending a message of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, and_, delete, select, update

from syncer.domain.alerts.decisions import Decision
from syncer.domain.alerts.trouble import Alert, AlertKey, AlertKind, AlertState
from syncer.store.db.bulk import upsert
from syncer.store.schema.alert_tables import alerts
from syncer.store.state.due import is_lapsed


class AlertLease(Struct, frozen=True):
    """Lease of the process that sends a message. owner: None where none does."""

    owner: str | None
    until: datetime | None


def lock_alerts(connection: Connection) -> None:
    """Keep others from changing alerts until the transaction ends, those that they would add included."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"LOCK TABLE {alerts.name} IN SHARE ROW EXCLUSIVE MODE")


def read_alerts(connection: Connection) -> dict[AlertKey, Alert]:
    """Read all alerts."""
    return {each.key: each for each, _ in _read(connection)}


def claim_alerts(
    connection: Connection,
    wanted: Iterable[Alert],
    *,
    owner: str,
    now: datetime,
    length: timedelta,
    is_dead: Callable[[str], bool],
) -> bool:
    """Take the lease of these alerts, of which a message is to be sent; they are locked.

    False where somebody else is sending: messages would not be in their order.
    """
    for _, lease in _read(connection):
        if (
            lease.owner not in (None, owner)
            and not is_lapsed(lease.until, now, length)
            and not is_dead(lease.owner or "")
        ):
            return False
    for each in wanted:
        _set(connection, _is(each.key), lease_owner=owner, lease_until=now + length)
    return True


def store_decision(connection: Connection, decision: Decision) -> None:
    """Store what has changed; leases stay as they are."""
    if decision.changed:
        rows = [
            {
                **each.key._asdict(),
                "state": each.state,
                "since": each.since,
                "description": each.description,
                "absent_since": each.absent_since,
                "opened_at": each.opened_at,
                "over_at": each.over_at,
                "told": each.told,
                "told_at": each.told_at,
            }
            for each in decision.changed
        ]
        upsert(connection, alerts, rows, keep=("lease_owner", "lease_until"))
    for key in decision.forgotten:
        connection.execute(delete(alerts).where(_is(key)))


def settle_alerts(connection: Connection, sent: Iterable[Alert], owner: str, now: datetime) -> None:
    """Note that the receiver has accepted a message of these alerts, and give up the lease."""
    for each in sent:
        _set(
            connection, _is(each.key) & (alerts.c.lease_owner == owner), told=each.state, told_at=now, **_FREE
        )


def free_alerts(connection: Connection, owner: str) -> None:
    """Give up the lease; what was to be told still is."""
    _set(connection, alerts.c.lease_owner == owner, **_FREE)


_FREE: dict[str, object] = {"lease_owner": None, "lease_until": None}


def _set(connection: Connection, condition: ColumnElement[bool], **values: object) -> None:
    connection.execute(update(alerts).where(condition).values(**values))


def _is(key: AlertKey) -> ColumnElement[bool]:
    return and_(*(alerts.c[name] == value for name, value in key._asdict().items()))


def _read(connection: Connection) -> list[tuple[Alert, AlertLease]]:
    statement = select(alerts).order_by(alerts.c.environment, alerts.c.kind, alerts.c.subject)
    return [
        (
            Alert(
                key=AlertKey(row.environment, AlertKind(row.kind), row.subject),
                state=AlertState(row.state),
                since=row.since,
                description=row.description,
                absent_since=row.absent_since,
                opened_at=row.opened_at,
                over_at=row.over_at,
                told=None if row.told is None else AlertState(row.told),
                told_at=row.told_at,
            ),
            AlertLease(row.lease_owner, row.lease_until),
        )
        for row in connection.execute(statement)
    ]
