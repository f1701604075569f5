"""Views without sensitive columns, ``<table>_safe``, and how all views keep their readers through an upgrade.

Only PostgreSQL has roles, so only there are safe views, from the first ``syncer migrate --grant-read`` on. It
changes no column that a view shows: they are taken away before the tables change, and put back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache

from sqlalchemy import Connection, text

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.errors import UsageError
from syncer.store.schema.mirror_tables import CONTENT_HASH, DOCUMENT, MIRROR

FRESHNESS = "mirror_freshness"

#: Relation -> columns, comment, whether it is a view; of everything in our schema that can be read.
_RELATIONS = """
    SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum),
           obj_description(c.oid, 'pg_class'), c.relkind = 'v'
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = current_schema()
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
    GROUP BY c.oid
"""
#: Who may read what of a view: its name, a column or null for all, the role or null for everyone.
_READERS = """
    SELECT c.relname, given.attname, r.rolname
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = current_schema()
    CROSS JOIN LATERAL (
        SELECT NULL AS attname, c.relacl AS acl
        UNION ALL
        SELECT a.attname::text, a.attacl FROM pg_attribute a WHERE a.attrelid = c.oid AND NOT a.attisdropped
    ) given
    CROSS JOIN LATERAL aclexplode(given.acl) g
    LEFT JOIN pg_roles r ON r.oid = g.grantee
    WHERE c.relname = ANY(:views) AND g.privilege_type = 'SELECT' AND g.grantee <> c.relowner
"""

Readers = dict[tuple[str, str | None], set[str | None]]


def live_name(table: str) -> str:
    """The view of a mirror table's rows that are not deleted."""
    return f"{table}_live"


def safe_name(table: str) -> str:
    """The view of these rows without the sensitive columns."""
    return f"{table}_safe"


@cache
def withheld() -> dict[str, frozenset[str]]:
    """Mirror, link or child table -> columns that its safe readers do not get.

    The content hash is among them: who knows all the rest of a record could try values until it fits.
    """
    sensitive: dict[str, set[str]] = {}
    for model in catalogue().values():
        sensitive[model.name] = {column.name for column in model.columns if column.sensitive}
        for link in model.links:
            sensitive[link.table] = {column.name for column in link.columns if column.sensitive}
        for child in model.children:
            sensitive[child.table] = {column.name for column in child.columns if column.sensitive}
    return {table: frozenset({*names, DOCUMENT[0], CONTENT_HASH[0]}) for table, names in sensitive.items()}


def safe_columns(table: str) -> list[str]:
    """What is left for them, in the table's order."""
    return [column.name for column in MIRROR[table].columns if column.name not in withheld()[table]]


def make_safe_views(connection: Connection) -> None:
    """Bring the safe view of every mirror table to what the catalogue says; their readers stay.

    Raises UsageError where something else has the name of one.
    """
    relations, ours = columns_there(connection), _safe_views(connection)
    readers = _readers(connection, ours)
    for table in catalogue():
        view = safe_name(table)
        if view in relations and view not in ours:
            raise UsageError(f"{view} is not a view of syncer's making, but has the name of one: rename it.")
        if relations.get(view) != safe_columns(table):
            connection.exec_driver_sql(f"DROP VIEW IF EXISTS {quoted(connection, view)}")
            _make(connection, table, safe_columns(table))
            _give_back(connection, {each: who for each, who in readers.items() if each[0] == view})


@contextmanager
def set_aside(connection: Connection) -> Iterator[None]:
    """Take the safe views away, and put back what was: columns that are new are in none of them.

    Whoever could read a view can read it again, also where it was made anew in the meantime.
    """
    if connection.dialect.name != "postgresql":
        yield
        return
    ours, before = _safe_views(connection), columns_there(connection)
    with keeping_readers(connection, [*ours, FRESHNESS, *map(live_name, catalogue())]):
        for view in ours:
            connection.exec_driver_sql(f"DROP VIEW {quoted(connection, view)}")
        yield
        after = columns_there(connection)
        for view, table in ours.items():
            left = [name for name in before[view] if name in after.get(table, ())]
            if left:
                _make(connection, table, left)


@contextmanager
def keeping_readers(connection: Connection, views: Sequence[str]) -> Iterator[None]:
    """Whoever can read these views before the block can read those of the same names after it."""
    if connection.dialect.name != "postgresql":
        yield
        return
    readers = _readers(connection, views)
    yield
    _give_back(connection, readers)


def quoted(connection: Connection, *names: str) -> str:
    """Names as SQL identifiers, with commas between them, whatever they consist of."""
    return ", ".join(map(connection.dialect.identifier_preparer.quote_identifier, names))


def columns_there(connection: Connection) -> dict[str, list[str]]:
    """Table or view of our schema -> its columns, in their order."""
    return {name: list(columns) for name, columns, _, _ in connection.execute(text(_RELATIONS))}


def _make(connection: Connection, table: str, columns: Iterable[str]) -> None:
    view = quoted(connection, safe_name(table))
    connection.exec_driver_sql(
        f"CREATE VIEW {view} AS SELECT {quoted(connection, *columns)} "
        f"FROM {quoted(connection, table)} WHERE remote_deleted_at IS NULL"
    )
    connection.exec_driver_sql(f"COMMENT ON VIEW {view} IS '{_comment(table)}'")


def _comment(table: str) -> str:
    # By this we know our own: it stays as it is.
    return f"Rows of {table} that are not deleted, without its sensitive columns"


def _safe_views(connection: Connection) -> dict[str, str]:
    """Those that there are, of our making, with their tables."""
    suffix = safe_name("")
    return {
        name: name.removesuffix(suffix)
        for name, _, comment, is_view in connection.execute(text(_RELATIONS))
        if is_view and name.endswith(suffix) and comment == _comment(name.removesuffix(suffix))
    }


def _readers(connection: Connection, views: Iterable[str]) -> Readers:
    found: Readers = defaultdict(set)
    for view, column, role in connection.execute(text(_READERS), {"views": list(views)}):
        found[view, column].add(role)
    return found


def _give_back(connection: Connection, readers: Readers) -> None:
    there = columns_there(connection)
    for (view, column), roles in readers.items():
        if view in there and column in (None, *there[view]):
            what = f"SELECT ({quoted(connection, column)})" if column else "SELECT"
            who = ", ".join("PUBLIC" if role is None else quoted(connection, role) for role in roles)
            connection.exec_driver_sql(f"GRANT {what} ON {quoted(connection, view)} TO {who}")
