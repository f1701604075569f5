"""Channel on which PostgreSQL tells processes that another one has made streams due.

SQLite has none: there processes look for themselves.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

from sqlalchemy import Connection, text

from syncer.store.db.channels import channel_sql
from syncer.store.db.database import Database
from syncer.store.db.listening import listen_on

CHANNEL = "syncer_due"
_NOTIFY = text(f"SELECT pg_notify({channel_sql(CHANNEL)}, '')")


def notify_due(connection: Connection) -> None:
    """Tell all that listen, once this transaction has committed. On SQLite nobody is told."""
    if connection.dialect.name == "postgresql":
        connection.execute(_NOTIFY)


def listen_due(database: Database) -> AsyncGenerator[str | None, None]:
    """Listen, and yield when that has begun, and whenever streams were made due. Raises as ``listen_on``."""
    return listen_on(database, channel_sql(CHANNEL))
