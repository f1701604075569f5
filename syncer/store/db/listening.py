"""Listening to channels of PostgreSQL's, on a connection of its own."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import psycopg
from psycopg.sql import SQL, Identifier

from syncer.domain.errors import DatabaseUnavailable
from syncer.store.db.database import Database
from syncer.store.db.postgres_session import connect_arguments

#: Seconds of silence after which the connection is tried: one that is lost would be silent for ever.
_TRY_EVERY = 30.0


async def listen_on(database: Database, *channels: str) -> AsyncGenerator[str | None, None]:
    """Yield None when listening has begun, and then what each notification says.

    channels: expressions of SQL for their names. Whoever listens may have missed what came before. Raises
    DatabaseUnavailable where the connection ends, cannot be made, or leads through a pooler, whose sessions
    are not ours.
    """
    url = database.engine.url
    try:
        connection = await psycopg.AsyncConnection.connect(
            autocommit=True,
            prepare_threshold=None,
            **{
                **database.engine.dialect.create_connect_args(url)[1],
                **connect_arguments(database.schema),
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
            cursor = await connection.execute(f"SELECT {', '.join(channels)}".encode())
            for channel in await cursor.fetchone() or ():
                await connection.execute(SQL("LISTEN {}").format(Identifier(channel)))
            yield None
            while True:
                async for notification in connection.notifies(timeout=_TRY_EVERY, stop_after=1):
                    yield notification.payload
                await connection.execute("SELECT 1")
    except psycopg.Error as error:
        raise DatabaseUnavailable(f"{database.shown_url} cannot be listened to.") from error
