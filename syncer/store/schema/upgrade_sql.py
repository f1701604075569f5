"""SQL of an upgrade, for somebody else to run: the statements are recorded in place of being run.

What a migration reads comes from the database as it is; what depends on its own changes has to be SQL.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, event, text

from syncer.domain.errors import DatabaseRefused, UsageError
from syncer.store.db.database import Database
from syncer.store.schema.indexes import concurrent_statements
from syncer.store.schema.migrate import upgrade_unseen
from syncer.store.schema.native_views import ConfiguredList, make_views
from syncer.store.schema.rights import schema_of
from syncer.store.schema.schema_lock import LOCK_TIMEOUT, VERSION_TABLE
from syncer.store.schema.views import quoted, relations

if TYPE_CHECKING:
    from psycopg import ClientCursor

#: Beginnings of statements that change nothing.
_READING = ("SELECT", "SHOW", "WITH")
#: What whoever migrates says to the server for its own sake.
_OUR_OWN = ("LOCK TABLE", "SAVEPOINT", "RELEASE", "ROLLBACK")
_OWNER = text("""
    SELECT coalesce(
        (SELECT tableowner FROM pg_tables WHERE schemaname = current_schema() AND tablename = :table),
        current_user
    )
""")


def upgrade_sql(
    database: Database,
    *,
    with_history: Collection[str] = (),
    lists: Collection[ConfiguredList] = (),
) -> str | None:
    """Write the SQL by which psql brings the database to this version's schema; None where it is of that.

    It is one transaction, which gives tables to the role that owns the mirror or, where there is none, to
    ours; and then the building of large indexes beside others who write. Nothing is changed. Raises
    UsageError on SQLite, DatabaseRefused as ``migrate`` does.
    """
    if database.is_sqlite:
        raise UsageError("There is no SQL of an upgrade for SQLite: run `syncer migrate` there.")
    with database.read() as connection:
        owner = mirror_owner(connection)
        schema = schema_of(database, connection)
        is_new = VERSION_TABLE not in relations(connection)
        with _recorded(connection) as statements:
            upgrade_unseen(database, connection, with_history)
            make_views(connection, lists)
        made = "".join(statements)
        later = [
            statement
            for index, building in concurrent_statements(connection).items()
            if f"INDEX {index.name} " not in made
            for statement in building
        ]
    if not (statements or later):
        return None
    if not schema:
        raise DatabaseRefused(
            f"There is no schema in {database.shown_url} to make tables in: set database.schema."
        )
    inside = quoted(connection, schema)
    new_schema = f"CREATE SCHEMA IF NOT EXISTS {inside} AUTHORIZATION {quoted(connection, owner)}"
    head = [
        "BEGIN",
        f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT.total_seconds():.0f}s'",
        *([new_schema] if database.schema else []),
        f"SET LOCAL search_path = {inside}",
        f"SET LOCAL ROLE {quoted(connection, owner)}",
        *([] if is_new else [f"LOCK TABLE {VERSION_TABLE} IN SHARE ROW EXCLUSIVE MODE"]),
    ]
    transaction = (*head, *statements, "COMMIT") if statements else ()
    return "".join(f"{each.strip()};\n" for each in (*transaction, *later))


def mirror_owner(connection: Connection) -> str:
    """Read which role owns the mirror; our own where there is none yet."""
    return str(connection.execute(_OWNER, {"table": VERSION_TABLE}).scalar_one())


@contextmanager
def _recorded(connection: Connection) -> Iterator[list[str]]:
    """Record what the block would change, with its values, and run nothing of that."""
    from psycopg import ClientCursor

    statements: list[str] = []
    writer: ClientCursor[Any] = ClientCursor(connection.connection.driver_connection)  # type: ignore[arg-type]

    def record(
        _connection: Connection, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool
    ) -> tuple[str, Any]:
        if statement.lstrip().upper().startswith(_READING):
            return statement, parameters
        if not statement.lstrip().upper().startswith(_OUR_OWN):
            for each in parameters if many else [parameters]:
                statements.append(writer.mogrify(statement, each))
        # One row, as an update of the version has.
        return "SELECT 1", [() for _ in parameters] if many else ()

    event.listen(connection, "before_cursor_execute", record, retval=True)
    try:
        yield statements
    finally:
        event.remove(connection, "before_cursor_execute", record)
