"""Read access to the mirror for a role of PostgreSQL: to all of it, or without the sensitive columns.

What is not granted is denied: the bookkeeping, with the records in quarantine, and every column that comes
later. Views run with their owner's rights: a column of a view is granted or not as that of its table is.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.errors import UsageError
from syncer.store.db.database import Database
from syncer.store.schema.migrate import lock_schema
from syncer.store.schema.mirror_tables import DOCUMENT, MIRROR, metadata
from syncer.store.schema.native_views import native_relations
from syncer.store.schema.safe_views import make_safe_views, safe_columns, withheld
from syncer.store.schema.views import FRESHNESS, live_name, quoted, relations, safe_name

#: Tables and views whose sensitive columns can be withheld, each with the table whose columns it has.
_NARROWED = {**{name: name for name in MIRROR}, **{live_name(name): name for name in catalogue()}}

_OWNERS = """
    SELECT DISTINCT o.rolname, pg_has_role(current_user, o.oid, 'USAGE')
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = current_schema()
    JOIN pg_roles o ON o.oid = c.relowner
    WHERE c.relname = ANY(:tables)
"""
#: A column that the role can read all the same, as itself or as a role that it can become.
_LEAK = """
    SELECT c.relname, a.attname, r.rolname, me.rolsuper
    FROM pg_roles me
    JOIN pg_roles r ON pg_has_role(me.oid, r.oid, 'MEMBER')
    CROSS JOIN unnest(CAST(:relations AS text[]), CAST(:columns AS text[])) hidden (relation, name)
    JOIN pg_namespace n ON n.nspname = current_schema()
    JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = hidden.relation
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = hidden.name
    WHERE me.rolname = :role AND has_column_privilege(r.oid, c.oid, a.attnum, 'SELECT')
    ORDER BY r.oid = me.oid
    LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Granted:
    """Read access of a role after a grant: the columns of each table and view in the schema."""

    role: str
    schema: str
    without_sensitive: bool
    columns: dict[str, list[str]]


def check_role(database: Database, role: str) -> None:
    """Raise UsageError unless there is such a role, exactly so written."""
    if database.is_sqlite:
        raise UsageError("SQLite has no roles: read access can only be granted on PostgreSQL.")
    with database.read() as connection:
        _require_role(connection, role)


def grant_read(database: Database, role: str, *, without_sensitive: bool) -> Granted:
    """Let the role read the tables and views of this version's schema, and no more than that of them.

    Raises UsageError, and changes nothing, where there is no such role, where the tables are the role's own
    or not ours to grant, and where the role would see sensitive columns all the same.
    """
    with database.begin() as connection:
        lock_schema(connection)
        _require_role(connection, role)
        _require_ownership(connection, role)
        make_safe_views(connection)
        readable = _readable(connection, without_sensitive)
        # Nobody knows what of native lists is sensitive.
        withdrawn = dict.fromkeys((*readable, *native_relations(connection)))
        to, every = quoted(connection, role), quoted(connection, *readable)
        schema = connection.execute(text("SELECT current_schema()")).scalar_one()
        connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA {quoted(connection, schema)} TO {to}")
        # What was granted of single columns goes with it.
        connection.exec_driver_sql(f"REVOKE SELECT ON {quoted(connection, *withdrawn)} FROM {to}")
        if without_sensitive:
            for name, columns in readable.items():
                # Column by column even where none is withheld: what is added later is not granted.
                which = f"({quoted(connection, *columns)})" if name in _NARROWED else ""
                connection.exec_driver_sql(f"GRANT SELECT {which} ON {quoted(connection, name)} TO {to}")
            _require_tightness(connection, role)
        else:
            connection.exec_driver_sql(f"GRANT SELECT ON {every} TO {to}")
        _require_usage(connection, role, schema)
    return Granted(role, schema, without_sensitive, readable)


def _readable(connection: Connection, without_sensitive: bool) -> dict[str, list[str]]:
    present = relations(connection)
    native = () if without_sensitive else native_relations(connection)
    return {
        # Not the columns there are less those withheld: one that the catalogue does not know may be anything.
        name: safe_columns(_NARROWED[name])
        if without_sensitive and name in _NARROWED
        else present[name].columns
        for name in (*_NARROWED, *map(safe_name, catalogue()), *native, FRESHNESS)
    }


def _require_role(connection: Connection, role: str) -> None:
    found = connection.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role})
    if found.first() is None:
        raise UsageError(f"There is no role {role!r} on this server: make it first, with CREATE ROLE.")


def _require_ownership(connection: Connection, role: str) -> None:
    for owner, is_ours in connection.execute(text(_OWNERS), {"tables": list(MIRROR)}):
        if owner == role:
            raise UsageError(
                f"The tables belong to role {role!r}, which reads them anyway: name another role."
            )
        if not is_ours:
            raise UsageError(f"The tables belong to role {owner!r}: only as that role can access be granted.")


def _require_tightness(connection: Connection, role: str) -> None:
    hidden = [
        *((name, column) for name, table in _NARROWED.items() for column in withheld()[table]),
        *((name, DOCUMENT[0]) for name in (*metadata.tables, *native_relations(connection))),
    ]
    relations, columns = zip(*hidden, strict=True)
    parameters = {"role": role, "relations": list(relations), "columns": list(columns)}
    leak = connection.execute(text(_LEAK), parameters).first()
    if leak is not None:
        name, column, reader, is_superuser = leak
        way = (
            "for it is a superuser"
            if is_superuser
            else f"for it is a member of {reader!r}"
            if reader != role
            else "by what somebody else has granted to it or to PUBLIC"
        )
        raise UsageError(f"Role {role!r} could still read {name}.{column}, {way}: nothing was granted.")


def _require_usage(connection: Connection, role: str, schema: str) -> None:
    # Who may not grant it only gets a warning; often everybody has it anyway.
    may = text("SELECT has_schema_privilege(:role, :schema, 'USAGE')")
    if not connection.execute(may, {"role": role, "schema": schema}).scalar_one():
        raise UsageError(
            f"Only the owner of schema {schema!r} can open it: GRANT USAGE on it to {role!r} first."
        )
