"""Channel on which PostgreSQL tells processes that another one has made streams due.

SQLite has none: there processes look for themselves.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from sqlalchemy import Connection, text

from syncer.store.db.channels import channel_sql
from syncer.store.db.database import Database
from syncer.store.db.listening import listen_on

CHANNEL = "syncer_due"
_NOTIFY = text(f"SELECT pg_notify({channel_sql(CHANNEL)}, :sender)")


def notify_due(database: Database, connection: Connection) -> None:
    """Tell all others that listen, once this transaction has committed. On SQLite nobody is told.

    database: the one that tells; who listens on it knows by itself.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_NOTIFY, {"sender": database.token})


async def listen_due(database: Database) -> AsyncGenerator[None, None]:
    """Listen, and yield when that has begun and when others made streams due. Raises as ``listen_on``."""
    async with aclosing(listen_on(database, channel_sql(CHANNEL))) as told:
        async for sender in told:
            if sender != database.token:
                yield
