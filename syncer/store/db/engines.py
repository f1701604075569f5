"""Engines of both databases; the setup of SQLite's connections."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import Any

from sqlalchemy import URL, Connection, DateTime, Engine, ExceptionContext, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from syncer.domain.errors import UsageError
from syncer.store.db.errors import is_connection_fault, is_refusal_to_write
from syncer.store.db.pools import ConnectionPool
from syncer.store.db.sqlite_file import SqliteFile
from syncer.store.db.types import LooseTimestamp
from syncer.store.db.write_ahead_log import MOST_PAGES

#: Milliseconds that SQLite waits for another process's write lock before it calls itself busy.
SQLITE_BUSY_MS = 30_000
#: Milliseconds between two attempts to take that lock: SQLite alone tries after 1 and 2 and then ever more
#: seldom, up to 100, and another process that writes page after page has it again before that.
LOCK_POLL_MS = 3
#: Attempts of a process to switch to WAL mode while others do so, too.
WAL_TRIES = 100


def make_engine(url: str, workers: int, schema: str | None = None) -> Engine:
    """Make an engine with that many connections, set up for our transactions; it does not connect yet.

    schema: of PostgreSQL, by a name that needs no quotes. Raises UsageError for a URL that it cannot read,
    and for a schema on SQLite.
    """
    if url.startswith("postgres://"):
        url = "postgresql" + url.removeprefix("postgres")
    try:
        address = make_url(url)
        if "@" in (address.host or ""):
            # The rest of a password with an @ that is not written %40.
            raise ArgumentError
        if address.get_backend_name() == "sqlite":
            if schema is not None:
                raise UsageError(
                    "SQLite has no schemas: only with a database on PostgreSQL there is one to name."
                )
            return _sqlite(address, workers)
        if address.get_backend_name() == "postgresql":
            # Not loaded where the driver is not needed.
            from syncer.store.db.postgres_engine import postgres_engine

            engine = postgres_engine(address, workers, schema)
            _discard_faulty_connections(engine)
            return engine
    except (ArgumentError, NoSuchModuleError, ValueError):
        # The text may hold a password: it is not repeated.
        raise UsageError(
            "The database URL cannot be read; write sqlite:///file.db or postgresql://…"
        ) from None
    raise UsageError(
        f"The database {address.get_backend_name()!r} is not supported; use SQLite or PostgreSQL."
    )


def _sqlite(address: URL, workers: int) -> Engine:
    if address.database in {None, "", ":memory:"}:
        raise UsageError("The database needs a file of its own: write sqlite:///file.db.")
    if address.query and "uri" not in address.query:
        raise ArgumentError
    file = SqliteFile.of(address)
    engine = create_engine(
        # Whoever is told of it learns where it is, from wherever the program was started.
        address.set(drivername="sqlite+pysqlite", database=str(file.path), query={}),
        pool_size=workers,
        max_overflow=2,
        poolclass=ConnectionPool,
        hide_parameters=True,
        creator=lambda: sqlite3.connect(
            file.uri, timeout=SQLITE_BUSY_MS / 1000, uri=True, check_same_thread=False
        ),
    )
    engine.dialect.colspecs = {**engine.dialect.colspecs, DateTime: LooseTimestamp}

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: Any) -> None:
        # The driver's own transaction control is off: it would begin writes late, and a transaction that
        # starts by reading cannot always become a writer.
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {SQLITE_BUSY_MS}")
        _use_wal(connection)
        # In WAL mode NORMAL survives a crash of the process at any instruction; a power cut may lose the last
        # transactions but never their order, so rows and cursor stay in step.
        connection.execute("PRAGMA synchronous = NORMAL")
        # What is removed is overwritten, and not only called free.
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute(f"PRAGMA wal_autocheckpoint = {MOST_PAGES}")
        # It opens the write-ahead log, which stays then as long as the connection.
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()

    @event.listens_for(engine, "begin")
    def start(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get("syncer_read_only"):
            connection.exec_driver_sql("BEGIN")
        elif not options.get("syncer_outside_transactions"):
            _begin_immediate(connection)

    _discard_faulty_connections(engine)
    return engine


def _discard_faulty_connections(engine: Engine) -> None:
    """Return no connection to the pool that would never work again."""

    @event.listens_for(engine, "handle_error")
    def drop(context: ExceptionContext) -> None:
        if not is_connection_fault(context.original_exception) or _may_only_read(context):
            return
        context.is_disconnect = True
        if engine.dialect.name == "sqlite":
            # A process's connections share the map of the write-ahead log. One that was opened when the file
            # could only be read keeps it so for all: none may stay open, be it idle. A statement that has not
            # been ended keeps its connection open, and the error keeps the statement.
            if context.execution_context is not None:
                context.execution_context.cursor.close()
            engine.dispose()


def _may_only_read(context: ExceptionContext) -> bool:
    """True where we made the connection read-only, so that a refusal to write says nothing of it."""
    options = context.connection.get_execution_options() if context.connection is not None else {}
    ours = options.get("syncer_read_only") or options.get("postgresql_readonly")
    return bool(ours) and is_refusal_to_write(context.original_exception)


def _begin_immediate(connection: Connection) -> None:
    """Begin with the write lock, soon after another process has released it."""
    driver: Any = connection.connection.driver_connection
    try:
        driver.execute(f"PRAGMA busy_timeout = {LOCK_POLL_MS}")
        for _ in range(SQLITE_BUSY_MS // LOCK_POLL_MS):
            try:
                driver.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                if not _is_busy(error):
                    break
        # Any other error is raised like those of all statements.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    finally:
        # A connection that is of no use any more has been closed.
        with suppress(sqlite3.ProgrammingError):
            driver.execute(f"PRAGMA busy_timeout = {SQLITE_BUSY_MS}")


def _is_busy(error: sqlite3.Error) -> bool:
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to WAL. Of several processes that do so at once SQLite answers all but one that it is busy."""
    for last in (False,) * (WAL_TRIES - 1) + (True,):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if last or not _is_busy(error):
                raise
            # The switch does not wait for the others; this does.
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("ROLLBACK")
