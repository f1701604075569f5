"""The status of the mirror, read from its database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from syncer.app import App
from syncer.domain.catalogue.lookup import select_names
from syncer.domain.integration_globs import select_integrations
from syncer.operations.deliveries import is_well, report_deliveries
from syncer.operations.status_report import json_time, report_status
from syncer.store.reading.overview import EVERY_STREAM, Overview, StreamChoice, overview
from syncer.store.schema import migrate as schema
from syncer.sync.permits import fingerprint


def status(app: App, choice: StreamChoice = EVERY_STREAM) -> dict[str, Any]:
    """Report the status of the mirror as plain values, ready for JSON; choice: of the streams to list.

    Raises DatabaseError.
    """
    found = report_status(read_overview(app, choice), app.settings.budget.reserve, app.settings.budget.pacing)
    with app.database.read() as connection:
        deliveries = report_deliveries(connection, app)
        return {
            **found,
            "is_well": found["is_well"] and all(map(is_well, deliveries)),
            "behind": app.capacity.report_backlog(connection),
            "deliveries": deliveries,
            "webhooks": _webhooks(app, connection),
        }


def _webhooks(app: App, connection: Connection) -> dict[str, Any]:
    """Report the webhooks of the last day: their number by outcome, the latest of all, and unknown names."""
    events = app.webhook_events
    counts = events.counts(connection, app.database.now(connection))
    return {
        "last_at": json_time(counts.last_arrived_at),
        "last_day": dict(counts.outcomes),
        "unknown_models": events.unknown_models(connection),
    }


def choose(
    app: App, integrations: Sequence[str], models: Sequence[str], only_problems: bool | None
) -> StreamChoice:
    """Choose the streams that a command names, all of which are listed unless it says otherwise.

    Raises UsageError for an id or a glob that fits no integration, and for a glob that fits no list.
    """
    if not integrations and not models:
        return StreamChoice(only_problems=only_problems)
    selected = select_integrations(integrations, app.selection.configured(has_tables=True))
    names = select_names(models, [each.name for each in app.settings.native_lists]) if models else None
    return StreamChoice(selected if integrations else None, names, bool(only_problems))


def read_overview(app: App, choice: StreamChoice = EVERY_STREAM) -> Overview:
    """Read what the mirror holds and how fresh it is. Raises DatabaseError."""
    schema.check(app.database)
    key = app.api_key
    with app.database.read() as connection:
        return overview(
            connection,
            app.streams.environment,
            fingerprint(key) if key else None,
            app.database.now(connection),
            choice,
        )
