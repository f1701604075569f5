"""Deliveries: how each is, pausing and resuming, and a message to try a receiver with."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from msgspec import Struct
from sqlalchemy import Connection

from syncer.app import App
from syncer.domain.deliveries.attempts import Answer, describe_answer, shown_status
from syncer.domain.deliveries.delivery import Delivery, DeliveryHealth, DeliveryState
from syncer.domain.deliveries.message import sign, trial_message
from syncer.domain.errors import UsageError
from syncer.domain.suggestions import did_you_mean
from syncer.operations.status_report import json_time
from syncer.store.reading.changes import feed_state
from syncer.store.schema import revisions as schema
from syncer.store.state.consumers import Consumer, read_consumers
from syncer.store.state.deliveries import (
    DeliveryRow,
    add_delivery,
    pause_delivery,
    read_deliveries,
    resume_delivery,
)


class Trial(Struct, frozen=True):
    """Answer of a receiver to a message that says nothing. found: in a sentence."""

    is_accepted: bool
    found: str


def report_deliveries(connection: Connection, app: App, *, removed: bool = False) -> list[dict[str, Any]]:
    """Report how all deliveries of the configuration are, as plain values.

    removed: also those that the configuration has no more.
    """
    rows = read_deliveries(connection)
    consumers = {each.name: each for each in read_consumers(connection)}
    newest = feed_state(connection).newest
    configured = {each.name: each for each in app.settings.delivered}
    names = dict.fromkeys([*configured, *(rows if removed else ())])
    return [_value(name, configured.get(name), rows.get(name), consumers.get(name), newest) for name in names]


def list_deliveries(app: App) -> list[dict[str, Any]]:
    """Report all deliveries, also those that the configuration has no more. Raises DatabaseError."""
    schema.check(app.database)
    with app.database.read() as connection:
        return report_deliveries(connection, app, removed=True)


def pause(app: App, name: str) -> None:
    """Send nothing to a receiver until the delivery is resumed. Raises UsageError, DatabaseError."""
    _configured(app, name)
    schema.check(app.database)
    with app.database.begin() as connection:
        now = app.database.now(connection)
        add_delivery(connection, name, now)
        pause_delivery(connection, name, now)


def resume(app: App, name: str) -> None:
    """Send to a receiver again, beginning with what waits for it. Raises UsageError, DatabaseError."""
    _configured(app, name)
    schema.check(app.database)
    with app.database.begin() as connection:
        now = app.database.now(connection)
        add_delivery(connection, name, now)
        resume_delivery(connection, name, now)


async def try_receiver(app: App, name: str) -> Trial:
    """Post a signed message that says nothing; what is told of the delivery stays. Raises UsageError."""
    delivery = _configured(app, name)
    now = datetime.now(UTC)
    message = trial_message(delivery, uuid4().hex, json_time(now) or "")
    began = time.monotonic()
    async with await app.receiver(delivery.url) as receiver:
        answer = await receiver.post(message.body, sign(message, delivery.secret, now))
    return trial_of(answer, delivery.host, time.monotonic() - began)


def trial_of(answer: Answer, host: str, seconds: float) -> Trial:
    """Describe the answer of a receiver that took so many seconds."""
    if answer.is_accepted:
        return Trial(True, f"{host} answered {shown_status(answer.status or 0)} after {seconds:.2f} s.")
    return Trial(False, describe_answer(answer))


def is_well(delivery: Mapping[str, Any]) -> bool:
    """Tell whether there is nothing to do about a delivery, as it is reported."""
    return DeliveryHealth(delivery["state"]).is_well


def describe_delivery(delivery: Mapping[str, Any]) -> str:
    """Describe what is wrong with a delivery, and what to do; empty where nothing is."""
    match DeliveryHealth(delivery["state"]):
        case DeliveryHealth.FAILING:
            times = "once" if delivery["failures"] == 1 else f"{delivery['failures']:,} times"
            return f"failed {times}: {delivery['last_error']} It is tried again by itself."
        case DeliveryHealth.STOPPED:
            resume = f"`syncer deliveries resume {delivery['name']}`"
            return f"{delivery['last_error'] or 'It was stopped.'} {resume} sends again."
        case DeliveryHealth.PAUSED:
            return f"`syncer deliveries resume {delivery['name']}` sends again."
        case DeliveryHealth.REMOVED:
            return "The configuration has it no more; its place is kept."
        case _:
            return ""


def _configured(app: App, name: str) -> Delivery:
    known = {each.name: each for each in app.settings.delivered}
    if name not in known:
        hint = did_you_mean(name, known) or (
            f" There are {', '.join(known)}." if known else " It has none: see docs/deliveries.md."
        )
        raise UsageError(f"The configuration has no delivery {name}.{hint}")
    return known[name]


def _value(
    name: str, delivery: Delivery | None, row: DeliveryRow | None, consumer: Consumer | None, newest: int
) -> dict[str, Any]:
    sequence = None if consumer is None else consumer.sequence
    return {
        "name": name,
        "receiver": None if delivery is None else delivery.host,
        "state": _health(delivery, row),
        "since": None if row is None else json_time(row.failing_since or row.state_since),
        "sequence": sequence,
        "behind": None if sequence is None else max(newest - sequence, 0),
        "failures": 0 if row is None else row.failures,
        "next_attempt_at": None if row is None else json_time(row.next_attempt_at),
        "last_status": None if row is None else row.last_status,
        "last_error": None if row is None else row.last_error,
        "last_success_at": None if row is None else json_time(row.last_success_at),
    }


def _health(delivery: Delivery | None, row: DeliveryRow | None) -> DeliveryHealth:
    if delivery is None:
        return DeliveryHealth.REMOVED
    if row is None:
        return DeliveryHealth.NEW
    if row.state is DeliveryState.ACTIVE and row.failures:
        return DeliveryHealth.FAILING
    return DeliveryHealth(row.state)
