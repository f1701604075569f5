"""Connection to PostgreSQL that an event loop uses by itself.

Whoever runs a statement in a worker thread waits for Python's interpreter to go to the thread, after each
answer of the server's, and back. Here it is waited for once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, TypeAlias

import psycopg
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.dml import Insert

from syncer.store.db.database import CONFLICT_TRIES, Database
from syncer.store.db.errors import Fault, fault, is_connection_fault
from syncer.store.db.postgres_connection import ImpatientConnection
from syncer.store.db.postgres_session import connect_arguments, session_settings, transaction_settings
from syncer.store.db.translation import translated

Row: TypeAlias = Mapping[str, Any]
_DIALECT = PGDialect_psycopg()  # type: ignore[no-untyped-call]


class LoopStatement:
    """Statement that is compiled once, with parameters for these columns."""

    def __init__(self, statement: Insert, columns: Iterable[str]) -> None:
        compiled = statement.compile(dialect=_DIALECT, column_keys=list(columns))
        self.text = str(compiled).encode()
        self._values = compiled.params

    def parameters(self, row: Row) -> dict[str, Any]:
        """Give the driver's parameters for a row, whose values go as they are."""
        return {**self._values, **row}


class LoopConnection:
    """Connection that is made when it is needed, and anew when it is lost; who wants it waits for others.

    A statement that is under way when the connection is lost is not run again: it may have been committed.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: ImpatientConnection | None = None
        self._lock = asyncio.Lock()

    async def execute_each(self, statement: LoopStatement, rows: Sequence[Row]) -> list[tuple[Any, ...]]:
        """Run a statement for each of the rows in one transaction, and give what all of them return.

        It runs again while another transaction is in its way. Raises DatabaseError.
        """
        parameters = [statement.parameters(row) for row in rows]
        with translated(lambda: self._database.shown_url):
            async with self._lock:
                for _ in range(CONFLICT_TRIES - 1):
                    try:
                        return await self._try(statement.text, parameters)
                    except DBAPIError as error:
                        if fault(error) is not Fault.CONFLICT and not error.connection_invalidated:
                            raise
                return await self._try(statement.text, parameters)

    async def _try(self, text: bytes, parameters: Sequence[Row]) -> list[tuple[Any, ...]]:
        before, connection = self._connection, None
        try:
            connection = await self._opened()
            return await _execute_each(connection, text, parameters)
        except psycopg.Error as error:
            if is_of_connection := is_connection_fault(error):
                self.close()
            statement = None if connection is None else text.decode()
            # A new one may be free of it, unless this is one.
            is_invalid = is_of_connection and connection is before
            raise DBAPIError(statement, None, error, connection_invalidated=is_invalid) from error
        except asyncio.CancelledError:
            # Nobody knows what it is doing now.
            self.close()
            raise

    async def _opened(self) -> ImpatientConnection:
        if self._connection is None or not _is_usable(self._connection):
            self.close()
            self._connection = await self._open()
        return self._connection

    async def _open(self) -> ImpatientConnection:
        engine, schema = self._database.engine, self._database.schema
        connection = await ImpatientConnection.open(
            **{**engine.dialect.create_connect_args(engine.url)[1], **connect_arguments(schema)},
            autocommit=True,
        )
        try:
            cursor = await connection.execute("SELECT pg_backend_pid()")
            if await cursor.fetchone() == (connection.info.backend_pid,):
                await connection.execute(session_settings(schema).encode())
            else:
                connection.pooled_settings = transaction_settings(schema).encode()
                connection.prepare_threshold = None
                await connection.set_isolation_level(psycopg.IsolationLevel.READ_COMMITTED)
        except BaseException:
            await connection.close()
            raise
        return connection

    def close(self) -> None:
        """Close the connection. Nobody may be using it."""
        if self._connection is not None:
            self._connection.pgconn.finish()
            self._connection = None


def _is_usable(connection: ImpatientConnection) -> bool:
    """Tell whether a connection that waits for nothing may take statements, without asking the server."""
    if connection.closed or connection.info.parameter_status("default_transaction_read_only") == "on":
        return False
    # What comes without having been asked for is nearly always the end of the session.
    return not connection.has_come()


async def _execute_each(
    connection: ImpatientConnection, text: bytes, parameters: Sequence[Row]
) -> list[tuple[Any, ...]]:
    async with AsyncExitStack() as stack:
        if connection.pooled_settings is not None:
            await stack.enter_async_context(connection.transaction())
            await connection.execute(connection.pooled_settings)
        cursor = await stack.enter_async_context(connection.cursor())
        if len(parameters) == 1:
            # Without the messages that begin and end a pipeline.
            await cursor.execute(text, parameters[0])
            return await cursor.fetchall()
        await cursor.executemany(text, parameters, returning=True)
        found = await cursor.fetchall()
        while cursor.nextset():
            found += await cursor.fetchall()
        return found
