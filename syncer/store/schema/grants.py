"""Read access to the mirror for a role of PostgreSQL: to all of it, or without what is sensitive.

What is not granted is denied: the bookkeeping, with the records in quarantine, and every column that comes
later. Views run with their owner's rights: a column of a view is granted or not as that of its table is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from msgspec import Struct
from sqlalchemy import Connection, text

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.tables import is_taken
from syncer.domain.errors import UsageError
from syncer.store.db.database import Database
from syncer.store.schema.classification import granted_columns
from syncer.store.schema.history_tables import SPAN, history_name, history_tables
from syncer.store.schema.limit_checks import find_more_rows, require_limits
from syncer.store.schema.mirror_tables import MIRROR, changes, history
from syncer.store.schema.native_views import native_relations
from syncer.store.schema.powers import find_excess
from syncer.store.schema.row_limits import limits_of, set_limits
from syncer.store.schema.safe_views import SAFE_TABLES, make_safe_views, safe_view_columns
from syncer.store.schema.schema_lock import lock_schema, naming_users
from syncer.store.schema.state_views import STATE_VIEWS
from syncer.store.schema.views import live_name, quoted, relations, safe_name

#: Tables and views of which single columns are granted, each with the table whose columns it has.
_NARROWED = {**{name: name for name in MIRROR}, **{live_name(name): name for name in catalogue()}}

#: What holds nothing sensitive: it is granted as a whole. Views show what they show.
_STATE = [*(view.name for view in STATE_VIEWS), history.name]
_WHOLE = {*_STATE, *map(safe_name, SAFE_TABLES)}

_OWNERS = """
    SELECT DISTINCT o.rolname, pg_has_role(current_user, o.oid, 'USAGE')
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = current_schema()
    JOIN pg_roles o ON o.oid = c.relowner
    WHERE c.relname = ANY(:tables)
"""
#: Tables and views on which something has been granted to the role itself.
_GRANTED_BEFORE = """
    SELECT c.relname FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = current_schema()
    WHERE c.relname = ANY(:relations) AND EXISTS (
        SELECT FROM aclexplode(c.relacl) g WHERE g.grantee = to_regrole(:role)
        UNION ALL
        SELECT FROM pg_attribute a, aclexplode(a.attacl) g
        WHERE a.attrelid = c.oid AND g.grantee = to_regrole(:role)
    )
    ORDER BY 1
"""


class Granted(Struct, frozen=True):
    """Read access of a role after a grant: the columns of each table and view in the schema.

    taken_back: tables and views of ours that it could read something of, or change, and now cannot.
    integrations: those whose rows alone it reads; None: all.
    """

    role: str
    schema: str
    without_sensitive: bool
    columns: dict[str, list[str]]
    taken_back: list[str]
    integrations: list[str] | None = None


def check_role(database: Database, role: str) -> None:
    """Raise UsageError unless there is such a role, exactly so written."""
    if database.is_sqlite:
        raise UsageError("SQLite has no roles: read access can only be granted on PostgreSQL.")
    with database.read() as connection:
        _require_role(connection, role)


def grant_read(
    database: Database,
    role: str,
    *,
    without_sensitive: bool,
    integrations: Collection[str] | None = None,
    all_integrations: bool = False,
) -> Granted:
    """Let the role read the tables and views of this version's schema, and no more than that of them.

    integrations: those whose rows alone it reads from now on; all_integrations lifts that. With neither it
    reads those that it did. Without what is sensitive, or limited to integrations, it loses whatever else it
    had in the schema. Raises UsageError, and changes nothing, where there is no such role, where the tables
    are the role's own or not ours to grant, and where the role would see or do more all the same.
    """
    with naming_users(database), database.begin() as connection:
        lock_schema(connection)
        _require_role(connection, role)
        _require_ownership(connection, role)
        make_safe_views(connection)
        if integrations:
            require_limits(connection, integrations, our_relations(connection))
        if integrations or all_integrations:
            set_limits(connection, role, integrations or ())
        limits = limits_of(connection, role)
        columns = readable_columns(connection, without_sensitive=without_sensitive)
        schema = connection.execute(text("SELECT current_schema()")).scalar_one()
        to, inside = quoted(connection, role), quoted(connection, schema)
        connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA {inside} TO {to}")
        taken_back: list[str] = []
        if without_sensitive or limits:
            ours = our_relations(connection)
            taken_back = [name for name in _granted_before(connection, role, ours) if name not in columns]
            # What was granted of single columns goes with it.
            connection.exec_driver_sql(f"REVOKE ALL ON {quoted(connection, *ours)} FROM {to}")
            connection.exec_driver_sql(f"REVOKE CREATE ON SCHEMA {inside} FROM {to}")
            for name, which in columns.items():
                # Column by column even where none is withheld: what is added later is not granted.
                is_whole = not without_sensitive or name in _WHOLE
                shown = "" if is_whole else f"({quoted(connection, *which)})"
                connection.exec_driver_sql(f"GRANT SELECT {shown} ON {quoted(connection, name)} TO {to}")
            excess = find_excess(connection, role, ours, columns)
            if excess is None and limits:
                excess = find_more_rows(connection, role, ours, limits)
            if excess is not None:
                raise UsageError(f"Role {role!r} {excess}. Nothing was granted.")
        else:
            every = quoted(connection, *columns)
            connection.exec_driver_sql(f"REVOKE SELECT ON {every} FROM {to}")
            connection.exec_driver_sql(f"GRANT SELECT ON {every} TO {to}")
        _require_usage(connection, role, schema)
    return Granted(role, schema, without_sensitive, columns, taken_back, limits)


def readable_columns(connection: Connection, *, without_sensitive: bool) -> dict[str, list[str]]:
    """List the columns that a role is granted, by table or view."""
    kept = [name for name in history_tables(connection) if name in MIRROR]
    if without_sensitive:
        # Not the columns there are less those withheld: one that the catalogue does not know may be anything.
        # Nor native lists: nobody knows what of them is sensitive.
        return {
            **{name: granted_columns(table) for name, table in _NARROWED.items()},
            **{history_name(table): [*granted_columns(table), *SPAN] for table in kept},
            **{safe_name(table): safe_view_columns(table) for table in SAFE_TABLES},
            **{name: relations(connection)[name].columns for name in _STATE},
        }
    present = relations(connection)
    safe, native = map(safe_name, SAFE_TABLES), native_relations(connection)
    versions = map(history_name, kept)
    names = (*_NARROWED, *safe, *versions, changes.name, *native, *_STATE)
    return {name: present[name].columns for name in names}


def our_relations(connection: Connection) -> list[str]:
    """List every table and view of ours that is there, and what has a name that is kept for one."""
    native = set(native_relations(connection))
    return [name for name in relations(connection) if is_taken(name) or name in native]


def _granted_before(connection: Connection, role: str, relations: list[str]) -> list[str]:
    parameters: Mapping[str, object] = {"relations": relations, "role": quoted(connection, role)}
    return list(connection.execute(text(_GRANTED_BEFORE), parameters).scalars())


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


def _require_usage(connection: Connection, role: str, schema: str) -> None:
    # Who may not grant it only gets a warning; often everybody has it anyway.
    may = text("SELECT has_schema_privilege(:role, :schema, 'USAGE')")
    if not connection.execute(may, {"role": role, "schema": schema}).scalar_one():
        raise UsageError(
            f"Only the owner of schema {schema!r} can open it: GRANT USAGE on it to {role!r} first."
        )
