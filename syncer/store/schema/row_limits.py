"""Roles of PostgreSQL that read the rows of some integrations alone, by row level security.

Views run with their owner's rights, and PostgreSQL applies the policies of a table to its owner only where
that is forced. So a policy decides by who asks, through any view; which is a constant to the planner, and to
roles without a limit, the program's own among them, no condition at all. It may be one although it depends on
the role: plans over tables with row level security are made anew for another role.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sqlalchemy import Connection, delete, select, text

from syncer.domain.catalogue.lookup import catalogue
from syncer.store.db.bulk import insert
from syncer.store.schema.history_tables import history_name, history_tables
from syncer.store.schema.mirror_tables import (
    MIRROR,
    changes,
    integrations,
    passthrough_records,
    readers,
    streams,
)
from syncer.store.schema.state_views import FRESHNESS
from syncer.store.schema.views import quoted, sql_text

#: Limits the role that asks: its integrations, or null where it reads all.
_ASKING = "mirror_readable_integrations"
#: The same of any role, for those who are that role.
_OF_ROLE = "sync_readable_integrations"
#: Policies: all rows, less those of integrations that are not for the role.
_EVERY_ROW, _LIMIT = "mirror_every_row", "mirror_integrations"

_LIMITED = text(f"""
    SELECT c.relname FROM pg_policy p
    JOIN pg_class c ON c.oid = p.polrelid AND c.relnamespace = current_schema()::regnamespace
    WHERE p.polname = '{_LIMIT}' AND c.relrowsecurity AND c.relforcerowsecurity
""")
_FUNCTIONS = text("""
    SELECT oid::regprocedure::text FROM pg_proc
    WHERE pronamespace = current_schema()::regnamespace AND proname = ANY(:names)
""")


def limits_of(connection: Connection, role: str) -> list[str] | None:
    """List the integrations that a role is limited to; None where it reads all."""
    found = select(readers.c.integration_id).where(readers.c.role == role).order_by(readers.c.integration_id)
    return list(connection.execute(found).scalars()) or None


def has_limits(connection: Connection) -> bool:
    """Tell whether any role is limited."""
    return connection.execute(select(readers.c.role).limit(1)).first() is not None


def set_limits(connection: Connection, role: str, to: Collection[str]) -> None:
    """Limit a role to these integrations, from now on; none: to none, it reads all.

    Its plans are made anew when it is granted what it reads.
    """
    connection.execute(delete(readers).where(readers.c.role == role))
    insert(connection, readers, [{"role": role, "integration_id": each} for each in sorted(set(to))])
    if has_limits(connection):
        _make_functions(connection)
        keep_limits(connection)
    else:
        _lift(connection)


def keep_limits(connection: Connection) -> None:
    """Have the limits hold for every table that readers can see, also for those that are new."""
    if connection.dialect.name != "postgresql" or not has_limits(connection):
        return
    for name, condition in unlimited_tables(connection).items():
        table = quoted(connection, name)
        connection.exec_driver_sql(
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;"
            f"DROP POLICY IF EXISTS {_EVERY_ROW} ON {table}; DROP POLICY IF EXISTS {_LIMIT} ON {table};"
            f"CREATE POLICY {_EVERY_ROW} ON {table} USING (true);"
            f"CREATE POLICY {_LIMIT} ON {table} AS RESTRICTIVE FOR SELECT"
            f" USING ({_ASKING}() IS NULL OR {condition})"
        )


def move_limits(connection: Connection, target: str) -> None:
    """Move what limits are made of to another schema, after the tables, and look there from now on."""
    functions = connection.execute(_FUNCTIONS, {"names": [_ASKING, _OF_ROLE]}).scalars().all()
    for function in functions:
        connection.exec_driver_sql(f"ALTER FUNCTION {function} SET SCHEMA {quoted(connection, target)}")
    connection.exec_driver_sql(f"SET LOCAL search_path = {quoted(connection, target)}")
    if functions:
        _make_functions(connection)


def unlimited_tables(connection: Connection) -> dict[str, str]:
    """Give the tables for which no limit holds yet, with the condition of one."""
    limited = set(connection.execute(_LIMITED).scalars())
    return {name: condition for name, condition in _conditions(connection) if name not in limited}


def _conditions(connection: Connection) -> Iterator[tuple[str, str]]:
    """Iterate over the tables that readers can see, also through views, with the limit's condition."""
    by_integration = f"integration_id = ANY ({_ASKING}())"
    parents = {link.table: (model.name, link.owner) for model in catalogue().values() for link in model.links}
    kept = set(history_tables(connection))
    for name in MIRROR:
        for table in (name, history_name(name)) if name in kept else (name,):
            if name in parents:
                parent, owner = parents[name]
                # The policy of the parent's table says which rows there are.
                yield table, f"EXISTS (SELECT FROM {parent} p WHERE p.id = {table}.{owner})"
            else:
                yield table, by_integration
    for each in (passthrough_records, changes, streams):
        yield each.name, by_integration
    yield integrations.name, f"id = ANY ({_ASKING}())"


def _make_functions(connection: Connection) -> None:
    """Make the functions that say what a role may read, or make them anew.

    Who reads the mirror only through a view of somebody else's cannot be told from one who has been lent the
    view of a limited role, if there is such a view: then it reads nothing. One function keeps the plans of
    what it asks, as every statement of a reader asks it; the body of the other one is bound
    to what it names, whatever the search path, and needs no right to the schema.
    """
    schema, owner = connection.execute(text("SELECT current_schema(), current_user")).one()
    inside = quoted(connection, schema)
    connection.exec_driver_sql(
        f"""
        CREATE OR REPLACE FUNCTION {inside}.{_OF_ROLE}(asking name) RETURNS text[]
        LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
        AS {sql_text(f"BEGIN RETURN ({_body(inside, owner)}); END")};
        CREATE OR REPLACE FUNCTION {inside}.{_ASKING}() RETURNS text[]
        LANGUAGE sql IMMUTABLE PARALLEL SAFE
        RETURN CASE WHEN CURRENT_USER OPERATOR(pg_catalog.=) {sql_text(owner)}::name THEN NULL::text[]
            ELSE {inside}.{_OF_ROLE}(CURRENT_USER) END;
        GRANT EXECUTE ON FUNCTION {inside}.{_OF_ROLE}(name), {inside}.{_ASKING}() TO PUBLIC
        """.replace("%", "%%")
    )


def _body(inside: str, owner: str) -> str:
    granted = f"""
        SELECT FROM pg_class c, aclexplode(c.relacl) g
        WHERE c.oid = {sql_text(f"{inside}.{FRESHNESS}")}::regclass
            AND g.grantee <> 0 AND pg_has_role(me.oid, g.grantee, 'USAGE')
    """
    lent = f"""
        SELECT FROM {inside}.{readers.name} l JOIN pg_roles r ON r.rolname = l.role
        JOIN pg_roles o ON pg_has_role(o.oid, r.oid, 'USAGE')
            AND NOT o.rolsuper AND o.rolname <> {sql_text(owner)}
        JOIN pg_class c ON c.relowner = o.oid AND c.relkind = 'v' AND c.relpersistence <> 't'
        WHERE EXISTS (SELECT FROM aclexplode(c.relacl) g WHERE g.grantee <> o.oid) OR EXISTS (
            SELECT FROM pg_attribute a, aclexplode(a.attacl) g WHERE a.attrelid = c.oid AND g.grantee <> o.oid
        )
    """
    return f"""
        SELECT CASE
            WHEN me.rolsuper OR me.rolname = {sql_text(owner)} THEN NULL
            WHEN own.ids IS NOT NULL AND pg_has_role(session_user, me.oid, 'MEMBER') THEN own.ids
            WHEN own.ids IS NOT NULL THEN '{{}}'::text[]
            WHEN EXISTS ({granted}) THEN NULL
            WHEN EXISTS ({lent}) THEN '{{}}'::text[]
        END
        FROM pg_roles me CROSS JOIN LATERAL (
            SELECT array_agg(DISTINCT l.integration_id) AS ids FROM {inside}.{readers.name} l
            JOIN pg_roles r ON r.rolname = l.role AND pg_has_role(me.oid, r.oid, 'USAGE')
        ) own
        WHERE me.rolname = asking
    """


def _lift(connection: Connection) -> None:
    """Leave nothing of row level security where no role is limited."""
    for name in connection.execute(_LIMITED).scalars().all():
        table = quoted(connection, name)
        connection.exec_driver_sql(
            f"DROP POLICY {_LIMIT} ON {table}; DROP POLICY {_EVERY_ROW} ON {table};"
            f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY"
        )
    connection.exec_driver_sql(f"DROP FUNCTION IF EXISTS {_ASKING}(), {_OF_ROLE}(name)")
