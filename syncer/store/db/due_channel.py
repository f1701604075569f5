"""Channel on which PostgreSQL tells processes that another one has made streams due.

SQLite has none: there processes look for themselves.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

import psycopg
from psycopg.sql import SQL, Identifier
from sqlalchemy import Connection, text

from syncer.domain.errors import DatabaseUnavailable
from syncer.store.db.channels import channel_sql
from syncer.store.db.database import Database
from syncer.store.db.postgres_engine import application_name

CHANNEL = "syncer_due"
#: Seconds to wait for PostgreSQL to accept a connection.
_CONNECT_TIMEOUT = 10
#: Seconds of silence after which the connection is tried: one that is lost would be silent for ever.
_TRY_EVERY = 30.0
_NOTIFY = text(f"SELECT pg_notify({channel_sql(CHANNEL)}, :sender)")


def notify_due(database: Database, connection: Connection) -> None:
    """Tell all others that listen, once this transaction has committed. On SQLite nobody is told.

    database: the one that tells; who listens on it knows by itself.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_NOTIFY, {"sender": database.token})


async def listen_due(database: Database) -> AsyncGenerator[None, None]:
    """Listen on a connection of its own, and yield when it has begun, and whenever others made streams due.

    Whoever listens may have missed what came before. Raises DatabaseUnavailable where the connection ends,
    cannot be made, or leads through a pooler, whose sessions are not ours.
    """
    url = database.engine.url
    try:
        connection = await psycopg.AsyncConnection.connect(
            autocommit=True,
            prepare_threshold=None,
            **{
                **database.engine.dialect.create_connect_args(url)[1],
                "connect_timeout": _CONNECT_TIMEOUT,
                "application_name": application_name(database.schema),
                "client_encoding": "utf8",
            },
        )
        async with connection:
            cursor = await connection.execute("SELECT pg_backend_pid()")
            if await cursor.fetchone() != (connection.info.backend_pid,):
                raise DatabaseUnavailable(
                    f"{database.shown_url} leads through a pooler that gives sessions to others, too."
                )
            if database.schema is not None:
                await connection.execute(f"SET search_path = {database.schema}".encode())
            cursor = await connection.execute(f"SELECT {channel_sql(CHANNEL)}".encode())
            [channel] = await cursor.fetchone() or [CHANNEL]
            await connection.execute(SQL("LISTEN {}").format(Identifier(channel)))
            yield
            while True:
                async for each in connection.notifies(timeout=_TRY_EVERY, stop_after=1):
                    if each.payload != database.token:
                        yield
                await connection.execute("SELECT 1")
    except psycopg.Error as error:
        raise DatabaseUnavailable(f"{database.shown_url} cannot be listened to.") from error
