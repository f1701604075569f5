"""Comments on tables and columns, kept as the catalogue says; only PostgreSQL has them.

They are documentation, not schema: an edited sentence needs no migration.
"""

from __future__ import annotations

from sqlalchemy import Connection, text
from sqlalchemy.schema import SetColumnComment, SetTableComment

from syncer.store.schema.mirror_tables import metadata

_PRESENT = """
    SELECT c.relname, coalesce(a.attname, ''), d.description
    FROM pg_description d
    JOIN pg_class c ON c.oid = d.objoid AND d.classoid = 'pg_class'::regclass
    LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.objsubid AND d.objsubid > 0
    WHERE c.relnamespace = current_schema()::regnamespace
"""


def write_comments(connection: Connection) -> int:
    """Set the comments that are missing or out of date; gives how many."""
    if connection.dialect.name != "postgresql":
        return 0
    present = {(row[0], row[1]): row[2] for row in connection.execute(text(_PRESENT))}
    changed = 0
    for table in metadata.tables.values():
        if table.comment and present.get((table.name, "")) != table.comment:
            connection.execute(SetTableComment(table))
            changed += 1
        for column in table.columns:
            if column.comment and present.get((table.name, column.name)) != column.comment:
                connection.execute(SetColumnComment(column))
                changed += 1
    return changed
