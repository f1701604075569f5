"""Read-only SQL for people: the database itself refuses to write, whatever the statement says."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from functools import partial
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, ResourceClosedError, StatementError

from syncer.domain.errors import DatabaseUnavailable, UsageError
from syncer.domain.moments import format_moment
from syncer.store.db.database import Database
from syncer.store.reading.near_names import near_name
from syncer.store.reading.past import Past
from syncer.store.schema.revisions import check

#: All that a statement may do on SQLite, pragmas and functions apart.
_READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE}
#: And what SQLite does to describe a table that is a function; query_only keeps it from doing more.
_DESCRIBING = {
    (sqlite3.SQLITE_CREATE_TABLE, None),
    (sqlite3.SQLITE_INSERT, "sqlite_master"),
    (sqlite3.SQLITE_UPDATE, "sqlite_master"),
}
#: Pragmas that tell something where they are given no value. Others act, such as wal_checkpoint.
_TELLING = re.compile(
    "(application_id|auto_vacuum|busy_timeout|cache_size|data_version|encoding|foreign_keys|freelist_count"
    "|journal_mode|journal_size_limit|max_page_count|page_count|page_size|query_only|schema_version|secure_delete"
    "|synchronous|temp_store|user_version|wal_autocheckpoint|foreign_key_check|integrity_check|quick_check"
    "|compile_options)"
)
#: Functions that SQLite's library, its shell or an extension may have, and that reach beyond the database.
_REACHING = {"edit", "fts3_tokenizer", "load_extension", "readfile", "sqlite_log", "writefile"}

#: PostgreSQL's insufficient_privilege.
_NOT_PERMITTED = "42501"


class Answer(Struct, frozen=True):
    """Columns and rows of a query; rows come as they are consumed.

    JSON of PostgreSQL's is msgspec.Raw, digit by digit what the database has; SQLite has only text.
    """

    columns: tuple[str, ...]
    rows: Iterator[tuple[Any, ...]]


@contextmanager
def query(
    database: Database,
    sql: str,
    parameters: Mapping[str, str],
    *,
    as_of: datetime | None = None,
    started: Callable[[Connection], None] = lambda _: None,
) -> Iterator[Answer]:
    """Run one statement read-only; parameters fill ``:name`` places.

    as_of: run it as if it were that moment. started gets the connection before the statement runs on it, for
    ``cancel``. Raises UsageError with the database's own words for a statement that it refuses, where a place
    has no value, and where nobody knows any more what a table said then.
    """
    run = _on_sqlite if database.is_sqlite else _on_postgresql
    with database.read() as connection:
        past = None
        try:
            if as_of is not None:
                past = _past(database, connection, sql, as_of)
            if database.is_sqlite:
                connection.exec_driver_sql("PRAGMA query_only = ON")
                connection.connection.set_authorizer(partial(_only_reading, past))
            started(connection)
            with run(connection, sql, parameters, past) as answer:
                if not answer.columns:
                    raise UsageError("The statement gives no rows: `syncer query` only reads.")
                yield answer
        except (DBAPIError, StatementError, ResourceClosedError) as error:
            if past is not None:
                past.check()
            if isinstance(error, DBAPIError) and error.connection_invalidated:
                raise
            words = _words(error)
            raise UsageError(f"The database refuses the query: {words}{near_name(words, sql)}") from error
        finally:
            # A statement may leave something on its connection, such as a setting or a lock: nobody else
            # gets that connection.
            if database.is_sqlite and not connection.invalidated:
                connection.connection.set_authorizer(None)
            connection.rollback()
            connection.invalidate()


def check_readable(database: Database) -> None:
    """Check the schema, unless the role may read the mirror and not the bookkeeping."""
    try:
        check(database)
    except DatabaseUnavailable as error:
        cause = getattr(error.__cause__, "orig", None)
        if getattr(cause, "sqlstate", None) != _NOT_PERMITTED:
            raise


def cancel(database: Database, connection: Connection) -> None:
    """Stop the statement that the connection is running, from another thread."""
    if connection.closed or connection.invalidated:
        return
    raw = connection.connection.driver_connection
    # Where it has just been closed there is nothing to stop any more.
    with suppress(sqlite3.ProgrammingError):
        if raw is not None:
            (raw.interrupt if database.is_sqlite else raw.cancel)()


def _past(database: Database, connection: Connection, sql: str, moment: datetime) -> Past:
    past = Past(connection, sql, moment)
    if moment > (now := database.now(connection)):
        raise UsageError(f"{format_moment(moment)} has not come yet: it is {format_moment(now)}.")
    return past


@contextmanager
def _on_sqlite(
    connection: Connection, sql: str, parameters: Mapping[str, str], _: Past | None
) -> Iterator[Answer]:
    result = connection.execution_options(stream_results=True).exec_driver_sql(sql, dict(parameters))
    with closing(result):
        columns = tuple(result.keys()) if result.returns_rows else ()
        yield Answer(columns, (tuple(row) for row in result))


@contextmanager
def _on_postgresql(
    connection: Connection, sql: str, parameters: Mapping[str, str], past: Past | None
) -> Iterator[Answer]:
    from syncer.store.reading.postgres_guard import become_reader, check_names
    from syncer.store.reading.postgres_query import columns_and_rows

    check_names(sql)
    become_reader(connection)
    prepared = past.check_locks if past is not None else lambda: None
    with columns_and_rows(connection, sql, parameters, prepared=prepared) as (columns, rows):
        yield Answer(columns, rows)


def _only_reading(
    past: Past | None,
    action: int,
    name: str | None,
    value: str | None,
    schema: str | None,
    view: str | None,
) -> int:
    # A new table's name does not matter, since none can be made.
    described = None if action == sqlite3.SQLITE_CREATE_TABLE else name
    reads = action in _READING or (action, described) in _DESCRIBING
    if action == sqlite3.SQLITE_PRAGMA and name is not None:
        name = name.lower()
        reads = name.endswith(("_info", "_xinfo", "_list")) or (
            value is None and _TELLING.fullmatch(name) is not None
        )
    elif action == sqlite3.SQLITE_READ and past is not None and name is not None:
        reads = past.may_read(name, value, schema, view)
    elif action == sqlite3.SQLITE_FUNCTION:
        reads = value is not None and value.lower() not in _REACHING
    return sqlite3.SQLITE_OK if reads else sqlite3.SQLITE_DENY


def _words(error: Exception) -> str:
    origin = getattr(error, "orig", None) or error
    if getattr(origin, "sqlite_errorcode", None) == sqlite3.SQLITE_AUTH:
        return "it would do more than read."
    return str(origin).strip().splitlines()[0].partition(" (Background on this error")[0]
