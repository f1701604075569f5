"""Statements that create the live views."""

from __future__ import annotations

from syncer.store.schema.views import live_name


def live_statement(table: str) -> str:
    """Write the statement that creates this view."""
    return f"CREATE VIEW {live_name(table)} AS SELECT * FROM {table} WHERE remote_deleted_at IS NULL"
