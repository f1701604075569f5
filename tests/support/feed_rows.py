"""Changes in the feed, written by hand, for tests of those who read it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from syncer.store.schema.mirror_tables import changes, feed
from tests.support.records import NOW

INTEGRATION = "tool:one"


def tell_changes(
    connection: Connection,
    records: Iterable[str],
    *,
    model: str = "hris_employees",
    integration: str = INTEGRATION,
    operation: str = "updated",
    members: str | None = '["first_name"]',
    before: str | None = None,
    environment: str = "default",
) -> Sequence[int]:
    """Write a change of each record with the next numbers, as a transaction that writes rows does."""
    newest: int = connection.execute(select(feed.c.newest)).scalar_one()
    rows: list[dict[str, Any]] = [
        {
            "sequence": number,
            "at": NOW,
            "environment": environment,
            "integration_id": integration,
            "model": model,
            "record_id": record,
            "operation": operation,
            "members": members,
            "before": before,
        }
        for number, record in enumerate(records, newest + 1)
    ]
    if connection.dialect.name == "sqlite":
        connection.execute(insert(changes), rows)
    else:
        from syncer.store.db.bulk import insert as bulk_insert

        bulk_insert(connection, changes, rows)
    connection.execute(update(feed).values(newest=newest + len(rows)))
    return [row["sequence"] for row in rows]


def drop_changes(connection: Connection, until: int) -> None:
    """Drop the changes up to a number, as retention does."""
    connection.execute(delete(changes).where(changes.c.sequence <= until))
    connection.execute(update(feed).values(dropped=until))
