"""Lock of the schema: one process changes it at a time, and waits for no reader longer than others bear."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from syncer.domain.durations import describe_span
from syncer.domain.errors import StatementFailed
from syncer.store.db.database import Database

#: Ours alone: other programs' Alembic tables may stand beside it.
VERSION_TABLE = "sync_schema_version"
#: Key of the PostgreSQL advisory lock that lets one process make the tables of a schema at a time.
MIGRATION_LOCK = 0x53594E43
#: Longest time to wait for a lock of somebody else's: whoever wants to read that table waits behind us.
LOCK_TIMEOUT = timedelta(seconds=5)

#: Lifts the limits of the transaction; gives that for locks as it was, in milliseconds.
_LIFT_LIMITS = text(
    "SELECT setting::bigint, set_config('lock_timeout', '0', true), "
    "set_config('statement_timeout', '0', true) FROM pg_settings WHERE name = 'lock_timeout'"
)
#: Whether we may lock the table of versions; null where it is not there yet.
_MAY_LOCK = text(
    "SELECT CASE WHEN to_regclass(:table) IS NOT NULL "
    "THEN has_table_privilege(to_regclass(:table), 'UPDATE') END"
)
_LIMIT_LOCKS = text("SELECT set_config('lock_timeout', :limit, true)")
_LOCK_NOT_AVAILABLE = "55P03"
#: Sessions that use something of the schema in a transaction, the longest first.
_USERS = text("""
    SELECT a.pid, a.usename, clock_timestamp() - min(a.xact_start)
    FROM pg_locks l
    JOIN pg_class c ON c.oid = l.relation AND c.relnamespace = current_schema()::regnamespace
    JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.granted AND l.pid <> pg_backend_pid() AND a.datname = current_database()
    GROUP BY a.pid, a.usename ORDER BY 3 DESC NULLS LAST LIMIT 3
""")


def lock_schema(connection: Connection, table: str = VERSION_TABLE) -> None:
    """Let one process change the schema at a time; a writing transaction on SQLite is alone anyway.

    table: of versions, there once all are. Its lock is the one, since an advisory lock can be taken by
    anybody who may log in, to keep the service from starting. Other locks are waited for ``LOCK_TIMEOUT`` at
    most from here to the end of the transaction.
    """
    if connection.dialect.name == "postgresql":
        # Another process that migrates, and a migration, take as long as they take.
        limit = connection.execute(_LIFT_LIMITS).scalar_one()
        may_lock = connection.execute(_MAY_LOCK, {"table": table}).scalar_one()
        if may_lock is None:
            # There is no table yet to lock, nor a role that has been let in.
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        elif may_lock:
            connection.exec_driver_sql(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
        longest = LOCK_TIMEOUT // timedelta(milliseconds=1)
        connection.execute(_LIMIT_LOCKS, {"limit": f"{min(limit, longest) or longest}ms"})


@contextmanager
def naming_users(database: Database) -> Iterator[None]:
    """Name in the error who uses a table that the block has waited for in vain. Raises StatementFailed."""
    try:
        yield
    except StatementFailed as error:
        cause = error.__cause__
        if not isinstance(cause, DBAPIError) or getattr(cause.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
            raise
        with database.read() as connection:
            users = [
                f"session {pid} of {role}" + (f" for {describe_span(since.total_seconds())}" if since else "")
                for pid, role, since in connection.execute(_USERS)
            ]
        used = f" ({', '.join(users)})" if users else ""
        raise StatementFailed(
            f"Somebody uses a table in {database.shown_url} that has to be changed{used}, and nobody else is "
            "to be kept waiting behind that: nothing was changed. Run the command again when they are done.",
            reason=error.reason,
        ) from cause
