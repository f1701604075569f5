"""Indexes that are not there: built while others read and write, after the upgrade that brings them.

A migration that indexes a large table would keep everybody from writing it for as long as that takes. So it
leaves the index to this, which can be interrupted and repeated.
"""

from __future__ import annotations

from sqlalchemy import Connection, Index, inspect, text
from sqlalchemy.schema import CreateIndex

from syncer.store.db.database import Database
from syncer.store.schema.mirror_tables import all_tables
from syncer.store.schema.schema_lock import naming_users
from syncer.store.schema.views import quoted

#: Names of our schema's indexes, whether each is of use, and whether somebody is building it.
_PRESENT = text("""
    SELECT c.relname, i.indisvalid, EXISTS (
        SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = c.oid
    )
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE c.relnamespace = current_schema()::regnamespace
""")


def build_indexes(database: Database) -> list[str]:
    """Build the indexes that this version's tables lack, one after the other; name them.

    Those of which an earlier attempt has left an unusable rest are built anew. Raises DatabaseError.
    """
    with database.read() as connection:
        if database.is_sqlite:
            found = set(connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'index'")))
            missing: dict[Index, list[str]] = {
                each: [] for each in _indexes(connection) if each.name not in found
            }
        else:
            missing = concurrent_statements(connection)
    for index, statements in missing.items():
        if database.is_sqlite:
            with database.begin() as connection:
                connection.execute(CreateIndex(index, if_not_exists=True))
        with naming_users(database), database.outside_transactions() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
    return [str(each.name) for each in missing]


def concurrent_statements(connection: Connection) -> dict[Index, list[str]]:
    """Write for each index that PostgreSQL lacks what builds it while others write its table."""
    present = {row[0]: (row[1], row[2]) for row in connection.execute(_PRESENT)}
    # Not by the search path, which behind a pooler is set in transactions alone.
    inside = quoted(connection, connection.execute(text("SELECT current_schema()")).scalar_one() or "")
    found = {}
    for index in _indexes(connection):
        name = str(index.name)
        if name not in present:
            found[index] = [_concurrent(connection, index, inside)]
        elif not any(present[name]):
            drop = f"DROP INDEX CONCURRENTLY IF EXISTS {inside}.{quoted(connection, name)}"
            found[index] = [drop, _concurrent(connection, index, inside)]
    return found


def _indexes(connection: Connection) -> list[Index]:
    """List the indexes of the tables that are there."""
    present = set(inspect(connection).get_table_names())
    return [
        index
        for table in all_tables().tables.values()
        if table.name in present
        for index in sorted(table.indexes, key=lambda each: str(each.name))
    ]


def _concurrent(connection: Connection, index: Index, inside: str) -> str:
    """Write the statement that builds an index while others write its table."""
    assert index.table is not None
    statement = str(CreateIndex(index, if_not_exists=True).compile(dialect=connection.dialect))
    table = connection.dialect.identifier_preparer.format_table(index.table)
    return statement.replace("CREATE INDEX", "CREATE INDEX CONCURRENTLY", 1).replace(
        f" ON {table} ", f" ON {inside}.{table} ", 1
    )
