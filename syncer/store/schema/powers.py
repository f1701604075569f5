"""What a role of PostgreSQL could read, change or do beyond what it is granted, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, text

from syncer.domain.errors import UsageError
from syncer.store.schema.views import relations

#: A column that the role can read all the same, as itself or as a role that it can become.
_LEAK = text("""
    SELECT c.relname, a.attname, r.rolname
    FROM pg_roles me
    JOIN pg_roles r ON pg_has_role(me.oid, r.oid, 'MEMBER')
    CROSS JOIN unnest(CAST(:relations AS text[]), CAST(:columns AS text[])) hidden (relation, name)
    JOIN pg_namespace n ON n.nspname = current_schema()
    JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = hidden.relation
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = hidden.name
    WHERE me.rolname = :role AND has_column_privilege(r.oid, c.oid, a.attnum, 'SELECT')
    ORDER BY r.oid = me.oid, c.relname, a.attnum
    LIMIT 1
""")
#: A table or view that it can change or watch.
_CHANGE = text("""
    SELECT c.relname, r.rolname
    FROM pg_roles me
    JOIN pg_roles r ON pg_has_role(me.oid, r.oid, 'MEMBER')
    JOIN pg_namespace n ON n.nspname = current_schema()
    JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = ANY(:relations)
    WHERE me.rolname = :role AND (
        has_table_privilege(r.oid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
        OR has_any_column_privilege(r.oid, c.oid, 'INSERT, UPDATE, REFERENCES')
    )
    ORDER BY r.oid = me.oid, c.relname
    LIMIT 1
""")
#: A schema in which the program looks for functions and tables and in which the role can make some, or the
#: database, where it can make such a schema.
_CREATE = text("""
    SELECT r.rolname, found.kind, found.name
    FROM pg_roles me
    JOIN pg_roles r ON pg_has_role(me.oid, r.oid, 'MEMBER')
    CROSS JOIN (
        SELECT 'SCHEMA' AS kind, unnest(current_schemas(false))::text AS name
        UNION ALL SELECT 'DATABASE', current_database()
    ) found
    WHERE me.rolname = :role AND CASE found.kind
        WHEN 'SCHEMA' THEN has_schema_privilege(r.oid, found.name, 'CREATE')
        ELSE has_database_privilege(r.oid, found.name, 'CREATE') END
    ORDER BY r.oid = me.oid
    LIMIT 1
""")
#: Attributes and roles of PostgreSQL's by which a role reaches beyond its grants: everything, all that is
#: written, other roles, files and programs of the server, statements and sessions of others.
_BEYOND = text("""
    SELECT r.rolname, r.rolname = me.rolname, CASE
        WHEN r.rolsuper THEN 'SUPERUSER' WHEN r.rolreplication THEN 'REPLICATION'
        WHEN r.rolcreaterole THEN 'CREATEROLE' ELSE '' END
    FROM pg_roles me
    JOIN pg_roles r ON pg_has_role(me.oid, r.oid, 'MEMBER')
    WHERE me.rolname = :role AND (
        r.rolsuper OR r.rolreplication OR r.rolcreaterole OR r.rolname IN (
            'pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program', 'pg_read_all_data',
            'pg_write_all_data', 'pg_signal_backend', 'pg_read_all_stats', 'pg_stat_scan_tables',
            'pg_maintain', 'pg_create_subscription', 'pg_checkpoint'
        )
    )
    ORDER BY r.rolsuper DESC, r.rolname <> me.rolname, 1
    LIMIT 1
""")


def require_no_more(
    connection: Connection,
    role: str,
    relations_of_ours: Iterable[str],
    granted: Mapping[str, Iterable[str]],
) -> None:
    """Raise UsageError where the role could read more of ours than granted, change it, or do more.

    granted: columns by table or view; nothing is changed in the tables.
    """
    beyond = connection.execute(_BEYOND, {"role": role}).first()
    if beyond is not None:
        other, is_itself, attribute = beyond
        way = f"as {attribute}" if is_itself else f"as a member of {other!r}"
        raise UsageError(
            f"Role {role!r} could still read or do what no reader should, {way}: take that from it first. "
            "Nothing was granted."
        )
    present = relations(connection)
    ours = list(relations_of_ours)
    hidden = [
        (name, column)
        for name in ours
        for column in present[name].columns
        if column not in set(granted.get(name, ()))
    ]
    names, columns = zip(*hidden, strict=True)
    leak = connection.execute(
        _LEAK, {"role": role, "relations": list(names), "columns": list(columns)}
    ).first()
    if leak is not None:
        name, column, reader = leak
        raise UsageError(
            f"Role {role!r} could still read {name}.{column}, {_way(role, reader)}: nothing was granted."
        )
    changed = connection.execute(_CHANGE, {"role": role, "relations": ours}).first()
    if changed is not None:
        name, writer = changed
        raise UsageError(
            f"Role {role!r} could still change {name}, {_way(role, writer)}: nothing was granted."
        )
    made = connection.execute(_CREATE, {"role": role}).first()
    if made is not None:
        maker, kind, place = made
        where = f"{kind} {connection.dialect.identifier_preparer.quote_identifier(place)}"
        raise UsageError(
            f"Role {role!r} could still make functions or tables that syncer would take for its own, "
            f"{_way(role, maker)}: REVOKE CREATE ON {where} from it, or from PUBLIC. Nothing was granted."
        )


def _way(role: str, other: str) -> str:
    if other != role:
        return f"for it is a member of {other!r}"
    return "by what somebody else has granted to it or to PUBLIC"
