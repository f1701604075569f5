"""State of deliveries: paused or not, the message under way, the failures so far, and who is sending."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection, RowMapping, delete, select, update

from syncer.domain.clocks import TOLERANCE, distrust_future
from syncer.domain.deliveries.attempts import LONGEST_PAUSE
from syncer.domain.deliveries.delivery import DeliveryState
from syncer.store.db.bulk import insert_statement
from syncer.store.schema.delivery_tables import deliveries


class Pending(Struct, frozen=True):
    """Message under way, about the changes after a number until another. nonce: random part of its id."""

    nonce: str
    after: int
    until: int


class DeliveryRow(Struct, frozen=True):
    """Stored state of one delivery. failures: in a row; last_status: None where no answer came."""

    name: str
    state: DeliveryState
    state_since: datetime
    pending: Pending | None
    failures: int
    failing_since: datetime | None
    next_attempt_at: datetime | None
    last_status: int | None
    last_error: str | None
    last_success_at: datetime | None
    lease_owner: str | None
    lease_until: datetime | None

    def attempt_at(self, now: datetime) -> datetime | None:
        """Give the time before which it is not tried again; None: it may be tried now."""
        waits_until = distrust_future(self.next_attempt_at, now, LONGEST_PAUSE + TOLERANCE)
        return waits_until if waits_until is not None and waits_until > now else None

    def is_free(self, owner: str, now: datetime, length: timedelta, is_dead: Callable[[str], bool]) -> bool:
        """Tell whether this owner may send: nobody else is sending, or not any more."""
        if self.lease_owner in (None, owner):
            return True
        until = distrust_future(self.lease_until, now, length + TOLERANCE)
        return until is None or until < now or is_dead(self.lease_owner or "")


def add_delivery(connection: Connection, name: str, now: datetime) -> None:
    """Begin a delivery, where there is none of that name yet."""
    values = {"name": name, "state": DeliveryState.ACTIVE, "state_since": now}
    connection.execute(insert_statement(connection, deliveries).values(values).on_conflict_do_nothing())


def read_delivery(connection: Connection, name: str, *, lock: bool = False) -> DeliveryRow | None:
    """Read a delivery; lock: until the transaction ends."""
    statement = select(deliveries).where(deliveries.c.name == name)
    if lock:
        statement = statement.with_for_update()
    found = connection.execute(statement).one_or_none()
    return None if found is None else delivery_row(found._mapping)


def read_deliveries(connection: Connection) -> dict[str, DeliveryRow]:
    """Read all deliveries that have ever begun and were not forgotten, by name."""
    found = connection.execute(select(deliveries).order_by(deliveries.c.name))
    return {row.name: delivery_row(row._mapping) for row in found}


def delivery_row(columns: Mapping[str, Any] | RowMapping) -> DeliveryRow:
    """Make the state of a delivery of the columns of its row."""
    values: dict[str, Any] = {**columns}
    nonce, after, until = (values.pop(f"message_{name}") for name in ("nonce", "after", "until"))
    return DeliveryRow(
        **{**values, "state": DeliveryState(values["state"])},
        pending=None if nonce is None else Pending(nonce, after, until),
    )


def claim_delivery(
    connection: Connection,
    seen: DeliveryRow,
    pending: Pending | None,
    *,
    owner: str,
    now: datetime,
    length: timedelta,
    is_dead: Callable[[str], bool],
) -> bool:
    """Take the lease, to send what is pending; None: a message whose id does not have to be kept.

    False where the delivery is not as it was seen, may not be tried yet, or somebody else is sending.
    """
    row = read_delivery(connection, seen.name, lock=True)
    if (
        row is None
        or replace(row, lease_owner=None, lease_until=None)
        != replace(seen, lease_owner=None, lease_until=None)
        or row.state is not DeliveryState.ACTIVE
        or row.attempt_at(now) is not None
        or not row.is_free(owner, now, length, is_dead)
    ):
        return False
    _set(
        connection,
        seen.name,
        message_nonce=None if pending is None else pending.nonce,
        message_after=None if pending is None else pending.after,
        message_until=None if pending is None else pending.until,
        lease_owner=owner,
        lease_until=now + length,
    )
    return True


def has_lease(connection: Connection, name: str, owner: str) -> bool:
    """Tell whether the lease is still the owner's, and keep it so until the transaction ends."""
    row = read_delivery(connection, name, lock=True)
    return row is not None and row.lease_owner == owner


def note_success(connection: Connection, name: str, status: int | None, now: datetime) -> None:
    """Note that the receiver has the message, and give up the lease."""
    _set(
        connection,
        name,
        **_FREE,
        **_NO_MESSAGE,
        **_NO_FAILURE,
        last_status=status,
        last_success_at=now,
    )


def note_failure(
    connection: Connection,
    seen: DeliveryRow,
    *,
    status: int | None,
    error: str,
    now: datetime,
    pause: timedelta | None,
) -> None:
    """Note a failed attempt and give up the lease; pause: until the next one, None: it is stopped."""
    stopped = {"state": DeliveryState.STOPPED, "state_since": now} if pause is None else {}
    _set(
        connection,
        seen.name,
        **_FREE,
        **stopped,
        failures=seen.failures + 1,
        failing_since=seen.failing_since or now,
        next_attempt_at=None if pause is None else now + pause,
        last_status=status,
        last_error=error,
    )


def drop_message(connection: Connection, name: str) -> None:
    """Forget the message under way, which is to be another one, and give up the lease."""
    _set(connection, name, **_FREE, **_NO_MESSAGE)


def free_delivery(connection: Connection, name: str, owner: str) -> None:
    """Give up the lease; what was under way stays so, and is sent again."""
    connection.execute(
        update(deliveries).where(deliveries.c.name == name, deliveries.c.lease_owner == owner).values(**_FREE)
    )


def pause_delivery(connection: Connection, name: str, now: datetime) -> None:
    """Send nothing of a delivery until it is resumed; what is on its way arrives."""
    _set(connection, name, state=DeliveryState.PAUSED, state_since=now)


def resume_delivery(connection: Connection, name: str, now: datetime) -> None:
    """Send again, at once: failures and their pause are forgotten."""
    _set(connection, name, **_NO_FAILURE, state=DeliveryState.ACTIVE, state_since=now)


def forget_delivery(connection: Connection, name: str) -> bool:
    """Forget all of a delivery; tell whether there was one."""
    return bool(connection.execute(delete(deliveries).where(deliveries.c.name == name)).rowcount)


_FREE: dict[str, object] = {"lease_owner": None, "lease_until": None}
_NO_MESSAGE: dict[str, object] = {"message_nonce": None, "message_after": None, "message_until": None}
_NO_FAILURE: dict[str, object] = {
    "failures": 0,
    "failing_since": None,
    "next_attempt_at": None,
    "last_error": None,
}


def _set(connection: Connection, name: str, **values: object) -> None:
    connection.execute(update(deliveries).where(deliveries.c.name == name).values(**values))
