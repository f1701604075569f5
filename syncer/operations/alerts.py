"""Alerts: the troubles that are there, what is remembered of them, and a message to try the receiver with."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection

from syncer.app import App
from syncer.domain.alerts.message import describe_alert, trial_message
from syncer.domain.alerts.trouble import AlertKey, AlertKind, AlertState, Trouble
from syncer.domain.errors import UsageError
from syncer.operations.deliveries import Trial, trial_of
from syncer.store.reading.troubles import read_stuck_deliveries, read_troubles
from syncer.store.schema import revisions as schema
from syncer.store.state.alerts import read_alerts

_STATES = (AlertState.OPEN, AlertState.PENDING, AlertState.OVER)


def find_troubles(app: App, connection: Connection) -> dict[AlertKey, Trouble]:
    """Find the troubles that are there now."""
    now = app.database.now(connection)
    found = read_stuck_deliveries(connection, [each.name for each in app.settings.delivered])
    for name, each in app.environments.items():
        found |= read_troubles(connection, name, each.key_fingerprint, each.capacity.bounds, now)
    return found


def list_alerts(app: App) -> list[dict[str, Any]]:
    """Report the alerts that are remembered, open ones first, as plain values. Raises DatabaseError.

    told: the state that the receiver knows; None: nothing.
    """
    schema.check(app.database)
    with app.database.read() as connection:
        found = read_alerts(connection).values()
    kinds = list(AlertKind)
    ordered = sorted(
        found, key=lambda each: (_STATES.index(each.state), kinds.index(each.key.kind), each.key)
    )
    return [{**describe_alert(each), "told": each.told} for each in ordered]


async def try_receiver(app: App) -> Trial:
    """Post a message that says nothing to the receiver. Raises UsageError."""
    settings = app.settings.alerts.settings()
    if settings is None:
        raise UsageError(
            "There is no receiver of alerts: set alerts.url in the configuration (docs/alerts.md)."
        )
    message = trial_message(datetime.now(UTC), settings.form, uuid4().hex)
    began = time.monotonic()
    async with await app.receiver(settings.url) as receiver:
        answer = await receiver.post(message.body, settings.headers(message))
    return trial_of(answer, settings.host, time.monotonic() - began)
