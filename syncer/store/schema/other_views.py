"""Views that others have made of ours, put aside while what they show is changed.

PostgreSQL changes no column that a view shows, and drops no view that another one shows. Migrations import
this module: what it does for them must not change.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, text
from sqlalchemy.exc import DBAPIError

from syncer.domain.errors import DatabaseRefused

#: Views that show these columns or these views, and those that show them in turn, the nearest first.
_SHOWING = text("""
    WITH RECURSIVE shows AS (
        SELECT r.ev_class AS view, d.refobjid AS relation, d.refobjsubid AS attnum
        FROM pg_depend d
        JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
        JOIN pg_class v ON v.oid = r.ev_class AND v.relkind IN ('v', 'm')
        WHERE d.refclassid = 'pg_class'::regclass AND r.ev_class <> d.refobjid
    ), found (view, depth) AS (
        SELECT s.view, 1
        FROM shows s
        JOIN pg_class c ON c.oid = s.relation AND c.relnamespace = to_regnamespace(:schema)
        LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = s.attnum
        WHERE c.relname = ANY(:views) OR (c.relname = ANY(:tables) AND a.attname = :column)
        UNION
        SELECT s.view, f.depth + 1 FROM found f JOIN shows s ON s.relation = f.view
    )
    SELECT c.oid, format('%I.%I', n.nspname, c.relname) AS name, c.relkind = 'm' AS is_materialized,
        c.relispopulated,
        array_to_string(c.reloptions, ', ') AS options, quote_ident(pg_get_userbyid(c.relowner)) AS owner,
        pg_has_role(c.relowner, 'USAGE') AS may_drop, pg_get_viewdef(c.oid) AS definition
    FROM (SELECT view, max(depth) AS depth FROM found GROUP BY view) f
    JOIN pg_class c ON c.oid = f.view
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE NOT (n.oid = to_regnamespace(:schema) AND c.relname = ANY(:views))
    ORDER BY f.depth, n.nspname, c.relname
""")
#: What else belongs to a view: statements that give it back.
_BELONGINGS = text("""
    SELECT format('GRANT %s%s ON %s TO %s%s', g.privilege_type,
        CASE WHEN given.attname IS NULL THEN '' ELSE format(' (%I)', given.attname) END,
        CAST(:name AS text),
        CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END,
        CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
    FROM pg_class c
    CROSS JOIN LATERAL (
        SELECT NULL AS attname, c.relacl AS acl
        UNION ALL
        SELECT a.attname, a.attacl FROM pg_attribute a WHERE a.attrelid = c.oid AND NOT a.attisdropped
    ) given
    CROSS JOIN LATERAL aclexplode(given.acl) g
    WHERE c.oid = :view AND g.grantee <> c.relowner
    UNION ALL
    SELECT format('COMMENT ON %s %s IS %L', CASE WHEN a.attname IS NOT NULL THEN 'COLUMN'
            WHEN c.relkind = 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END,
        CAST(:name AS text) || coalesce('.' || quote_ident(a.attname), ''), d.description)
    FROM pg_description d
    JOIN pg_class c ON c.oid = d.objoid
    LEFT JOIN pg_attribute a ON a.attrelid = d.objoid AND a.attnum = d.objsubid AND d.objsubid > 0
    WHERE d.classoid = 'pg_class'::regclass AND d.objoid = :view
    UNION ALL
    SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = :view
""")


_PATH = text("SELECT current_schema(), current_setting('search_path')")
_SET_PATH = text("SELECT set_config('search_path', :path, true)")


class _OtherView(NamedTuple):
    """View of somebody's. name: with its schema, quoted; belongings: statements for what goes with it."""

    name: str
    kind: str
    options: str
    select: str
    end: str
    belongings: list[str]


@contextmanager
def without_other_views(
    connection: Connection,
    tables: Collection[str],
    column: str,
    views: Collection[str] = (),
    *,
    lost: str | None = None,
) -> Iterator[None]:
    """Drop what others show of this column of the tables, or of these views, and then make it again.

    Owner, grants, comments, options and indexes are kept. views: those of ours that the block replaces. lost:
    SQL of what others show from then on in the place of this column of them, which they have no more. For
    PostgreSQL.

    Raises DatabaseRefused where a view belongs to a role that we are not, or cannot be made again.
    """
    schema, path = connection.execute(_PATH).one()
    # In an empty path all names have their schemas, whatever the path is when they are read again.
    connection.execute(_SET_PATH, {"path": ""})
    asked = {"schema": schema, "tables": list(tables), "column": column, "views": list(views)}
    found = [_other_view(connection, row) for row in connection.execute(_SHOWING, asked).all()]
    connection.execute(_SET_PATH, {"path": path})
    for view in reversed(found):
        _run(connection, f"DROP {view.kind} {view.name}")
    yield
    connection.execute(_SET_PATH, {"path": ""})
    for view in found:
        select = view.select
        for name in views if lost is not None and column in select else ():
            select = _with_column(select, schema, name, f"{lost} AS {column}")
        try:
            _run(connection, f"CREATE {view.kind} {view.name}{view.options} AS {select}{view.end}")
            for statement in view.belongings:
                _run(connection, statement)
        except DBAPIError as error:
            raise DatabaseRefused(
                f"The view {view.name} shows {column}, which changes, and cannot be made again as it is: "
                "drop it, and make it anew after the upgrade."
            ) from error
    connection.execute(_SET_PATH, {"path": path})


def _run(connection: Connection, statement: str) -> None:
    # The driver takes a percent sign for the beginning of a parameter.
    connection.exec_driver_sql(statement.replace("%", "%%"))


def _other_view(connection: Connection, row: Row[Any]) -> _OtherView:
    if not row.may_drop:
        raise DatabaseRefused(
            f"The view {row.name} shows what an upgrade changes, and belongs to the role {row.owner}: "
            "have it dropped, and made again after the upgrade."
        )
    kind = "MATERIALIZED VIEW" if row.is_materialized else "VIEW"
    options = f" WITH ({row.options})" if row.options else ""
    end = " WITH NO DATA" if row.is_materialized and not row.relispopulated else ""
    belongings = connection.execute(_BELONGINGS, {"view": row.oid, "name": row.name}).scalars().all()
    return _OtherView(
        row.name,
        kind,
        options,
        row.definition.rstrip().removesuffix(";"),
        end,
        [*belongings, f"ALTER {kind} {row.name} OWNER TO {row.owner}"],
    )


def _with_column(select: str, schema: str, view: str, column: str) -> str:
    """Let a statement that reads the view read this column besides."""
    alias = r'(?: (?!ON\b|USING\b|TABLESAMPLE\b)(?P<alias>\w+|"[^"]+"))?'
    name = rf'(?<![\w."])(?:{re.escape(schema)}|"{re.escape(schema)}")\.{re.escape(view)}\b(?!\.){alias}'
    return re.sub(
        name,
        lambda found: (
            f"(SELECT shown.*, {column} FROM {found[0].split(' ')[0]} shown) {found['alias'] or view}"
        ),
        select,
    )
