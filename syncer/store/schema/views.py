"""Views of syncer's making, and the read access to them, which outlives their replacement.

The live views and those of the bookkeeping are made by migrations, which stand for themselves; all others are
a ``View``. Only PostgreSQL has roles and comments.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from msgspec import Struct, field
from sqlalchemy import Connection, text

#: Name, columns, comment and kind of everything in our schema that can be read.
_RELATIONS = """
    SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum),
           obj_description(c.oid, 'pg_class'), c.relkind = 'v'
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = current_schema()
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
    GROUP BY c.oid
"""
#: What others than the owner may read: relation, column or null for all, role or null for everyone.
GRANTS = """
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
    WHERE g.privilege_type = 'SELECT' AND g.grantee <> c.relowner
"""
_READERS = f"{GRANTS} AND c.relname = ANY(:views)"


#: Views that show a view, which so cannot be dropped.
_DEPENDENTS = text("""
    SELECT c.relname FROM pg_depend d
    JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
    JOIN pg_class c ON c.oid = r.ev_class
    WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = to_regclass(:view)
        AND c.oid <> d.refobjid
    ORDER BY 1
""")


class Relation(NamedTuple):
    """Columns, in their order, and comment of a table or view."""

    columns: list[str]
    comment: str | None
    is_view: bool


class View(Struct, frozen=True):
    """Name, SELECT statement and comment of a view, in the words of the database that it is made in.

    is_barrier: it filters rows that its readers cannot see otherwise: PostgreSQL is to run no function of
    theirs on these. columns: their comments.
    """

    name: str
    select: str
    comment: str
    is_barrier: bool = False
    columns: Mapping[str, str] = field(default_factory=dict)

    def create(self, connection: Connection, *, replace: bool = False) -> None:
        """Create the view, which must not be there; replace: it is, with the same columns, and stays."""
        name = quoted(connection, self.name)
        barrier = " WITH (security_barrier)" if self.is_barrier else ""
        create = "CREATE OR REPLACE VIEW" if replace else "CREATE VIEW"
        connection.exec_driver_sql(f"{create} {name}{barrier} AS {self.select}")
        if connection.dialect.name == "postgresql":
            comments = [f"COMMENT ON VIEW {name} IS {sql_text(self.comment)}"]
            comments += [
                f"COMMENT ON COLUMN {name}.{quoted(connection, column)} IS {sql_text(comment)}"
                for column, comment in self.columns.items()
            ]
            connection.exec_driver_sql(";".join(comments).replace("%", "%%"))


def dependent_of(connection: Connection, view: str) -> str | None:
    """Find a view that shows this one, which cannot be dropped then. SQLite's views do not mind."""
    if connection.dialect.name != "postgresql":
        return None
    return connection.execute(_DEPENDENTS, {"view": quoted(connection, view)}).scalars().first()


def drop_views(connection: Connection, names: Iterable[str]) -> None:
    """Drop these views, as far as they are there."""
    for name in names:
        connection.exec_driver_sql(f"DROP VIEW IF EXISTS {quoted(connection, name)}")


def replace_views(connection: Connection, views: Sequence[View]) -> None:
    """Create the views, or replace those of their names; roles keep their read access."""
    names = [view.name for view in views]
    with keeping_readers(connection, names):
        drop_views(connection, names)
        for view in views:
            view.create(connection)


@contextmanager
def keeping_readers(connection: Connection, names: Sequence[str]) -> Iterator[None]:
    """Grant anew after the block what could be read of these views before it, where it is still there."""
    if connection.dialect.name != "postgresql":
        yield
        return
    readers: dict[tuple[str, str | None], set[str | None]] = defaultdict(set)
    for view, column, role in connection.execute(text(_READERS), {"views": list(names)}):
        readers[view, column].add(role)
    yield
    present = relations(connection) if readers else {}
    for (view, column), roles in readers.items():
        if view in present and column in (None, *present[view].columns):
            what = f"SELECT ({quoted(connection, column)})" if column else "SELECT"
            to = ", ".join("PUBLIC" if role is None else quoted(connection, role) for role in roles)
            connection.exec_driver_sql(f"GRANT {what} ON {quoted(connection, view)} TO {to}")


def relations(connection: Connection) -> dict[str, Relation]:
    """Read name and description of every table and view of our schema. For PostgreSQL."""
    found = connection.execute(text(_RELATIONS))
    return {name: Relation(list(columns), comment, is_view) for name, columns, comment, is_view in found}


def quoted(connection: Connection, *names: str) -> str:
    """Quote names as SQL identifiers, with commas between them, whatever characters they have."""
    return ", ".join(map(connection.dialect.identifier_preparer.quote_identifier, names))


def sql_text(value: str) -> str:
    """Write a text as a literal of SQL, for a statement without parameters."""
    return "'" + value.replace("'", "''") + "'"


def live_meaning(table: str) -> str:
    """Say what the view of a mirror table's rows that are not deleted shows."""
    return f"Rows of {table} that are not deleted"


def live_name(table: str) -> str:
    """Name the view of a mirror table's rows that are not deleted."""
    return f"{table}_live"


def safe_name(table: str) -> str:
    """Name the view of a table's rows without what is sensitive."""
    return f"{table}_safe"
