"""Comments on the tables, views and columns of PostgreSQL, for whoever looks at them with a database tool.

They are documentation, not schema: an edited sentence needs no migration.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from sqlalchemy import Connection, Table, text

from syncer import __version__
from syncer.domain.catalogue.lookup import catalogue
from syncer.store.schema.history_tables import history_table, history_tables
from syncer.store.schema.mirror_tables import CONTENT_HASH, MIRROR, all_tables
from syncer.store.schema.safe_views import SAFE_TABLES
from syncer.store.schema.schema_lock import VERSION_TABLE
from syncer.store.schema.state_views import STATE_VIEWS
from syncer.store.schema.views import live_meaning, live_name, quoted, safe_name, sql_text

#: Tables, views and columns that there are, with their comment or null.
_PRESENT = text("""
    SELECT c.relname, coalesce(a.attname, ''), d.description
    FROM pg_class c
    CROSS JOIN LATERAL (
        SELECT NULL AS attname, 0 AS attnum
        UNION ALL
        SELECT attname, attnum FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
    ) a
    LEFT JOIN pg_description d
        ON d.objoid = c.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = a.attnum
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v')
""")
#: Comment of the table of revisions: to compare all the others takes a tenth of a second.
_WRITTEN = f"Revision of the schema; its comments are those of kombo-syncer {__version__}"
_IS_WRITTEN = text("""
    SELECT obj_description(oid, 'pg_class') IS NOT DISTINCT FROM :written
        OR NOT pg_has_role(relowner, 'USAGE')
    FROM pg_class WHERE oid = to_regclass(:table)
""")
#: Statements that are sent at once.
_AT_ONCE = 500


def has_comments(connection: Connection) -> bool:
    """Tell whether this version has written its comments, or is somebody who may not."""
    if connection.dialect.name != "postgresql":
        return True
    found = connection.execute(_IS_WRITTEN, {"written": _WRITTEN, "table": VERSION_TABLE})
    return bool(found.scalar_one())


def write_comments(connection: Connection, to_come: Collection[str] | None = None) -> int:
    """Set the comments that are missing or out of date; give how many. Only PostgreSQL has them.

    to_come: mirror tables that are going to have versions, as of an upgrade that is not run: everything else
    of ours is going to be there, too.
    """
    if connection.dialect.name != "postgresql":
        return 0
    present = {(row[0], row[1]): row[2] for row in connection.execute(_PRESENT)}
    statements = []
    kept = history_tables(connection) if to_come is None else to_come
    for relation, is_view, comments in _wanted(kept):
        # A table that somebody has renamed or dropped is a trouble of its streams alone.
        is_coming = to_come is not None and not relation.endswith(safe_name(""))
        for column, comment in comments.items():
            if (relation, column) not in present and not is_coming:
                continue
            found = present.get((relation, column))
            if comment and comment != found:
                statements.append(comment_statement(connection, relation, column, comment, is_view=is_view))
    for start in range(0, len(statements), _AT_ONCE):
        connection.exec_driver_sql(";".join(statements[start : start + _AT_ONCE]).replace("%", "%%"))
    return len(statements)


def comment_statement(
    connection: Connection, relation: str, column: str, comment: str, *, is_view: bool
) -> str:
    """Write the statement that sets the comment of a column or, without one, of its table or view."""
    if column:
        on = f"COLUMN {quoted(connection, relation)}.{quoted(connection, column)}"
    else:
        on = f"{'VIEW' if is_view else 'TABLE'} {quoted(connection, relation)}"
    return f"COMMENT ON {on} IS {sql_text(comment)}"


def _wanted(kept: Collection[str]) -> Iterator[tuple[str, bool, Mapping[str, str | None]]]:
    """Iterate over tables and views with the comments of their columns, and their own under no name.

    kept: mirror tables that have versions. True stands for a view.
    """
    versions = [history_table(name) for name in kept if name in MIRROR]
    for table in (*all_tables().tables.values(), *versions):
        yield table.name, False, {"": table.comment, **_columns(table)}
    for name in catalogue():
        shown = _columns(all_tables().tables[name])
        del shown[CONTENT_HASH[0]]
        yield live_name(name), True, {"": live_meaning(name), **shown}
    for view in STATE_VIEWS:
        yield view.name, True, {"": view.meaning, **{each.name: each.comment for each in view.columns()}}
    for name in SAFE_TABLES:
        # Their own is the mark by which they are known as ours.
        yield safe_name(name), True, _columns(all_tables().tables[name])
    yield VERSION_TABLE, False, {"": _WRITTEN}


def _columns(table: Table) -> dict[str, str | None]:
    return {column.name: column.comment for column in table.columns}
