"""The status of the mirror, read from its database."""

from __future__ import annotations

from typing import Any

from syncer.app import App
from syncer.operations.deliveries import is_well, report_deliveries
from syncer.operations.status_report import report_status
from syncer.store.reading.overview import Overview, overview
from syncer.store.schema import migrate as schema
from syncer.sync.permits import fingerprint


def status(app: App) -> dict[str, Any]:
    """Report the status of the mirror as plain values, ready for JSON. Raises DatabaseError."""
    found = report_status(read_overview(app), app.settings.budget.reserve, app.settings.budget.pacing)
    with app.database.read() as connection:
        deliveries = report_deliveries(connection, app)
        return {
            **found,
            "is_well": found["is_well"] and all(map(is_well, deliveries)),
            "behind": app.capacity.report_backlog(connection),
            "deliveries": deliveries,
        }


def read_overview(app: App) -> Overview:
    """Read what the mirror holds and how fresh it is. Raises DatabaseError."""
    schema.check(app.database)
    key = app.api_key
    with app.database.read() as connection:
        return overview(
            connection,
            app.streams.environment,
            fingerprint(key) if key else None,
            app.database.now(connection),
        )
