"""Move of a mirror to another schema of its database: all of it or nothing, with rows, indexes and grants.

Views, policies and whatever else others have built on it follow by themselves: they know it by its number.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from syncer.domain.errors import DatabaseRefused, UsageError
from syncer.domain.schema_names import schema_name
from syncer.store.db.database import Database
from syncer.store.db.postgres_engine import is_pooled
from syncer.store.db.postgres_session import application_name
from syncer.store.schema.grants import our_relations
from syncer.store.schema.revisions import check
from syncer.store.schema.rights import may_create_in
from syncer.store.schema.row_limits import move_limits
from syncer.store.schema.schema_lock import lock_schema, naming_users
from syncer.store.schema.views import GRANTS, quoted, relations

#: Names in the other schema that ours would meet, those of types and indexes among them.
_IN_THE_WAY = text("""
    WITH ours AS (
        SELECT oid FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relname = ANY(:names)
    )
    SELECT there.relname FROM pg_class there
    JOIN pg_class here ON here.relname = there.relname
    WHERE there.relnamespace = to_regnamespace(:target) AND (
        here.oid IN (SELECT oid FROM ours)
        OR here.oid IN (SELECT indexrelid FROM pg_index WHERE indrelid IN (SELECT oid FROM ours))
    )
    UNION
    SELECT there.typname FROM pg_type there
    JOIN pg_type here ON here.typname = there.typname AND here.typrelid IN (SELECT oid FROM ours)
    WHERE there.typnamespace = to_regnamespace(:target)
    ORDER BY 1
""")
#: Sessions of this mirror's processes beside our own.
_SESSIONS = text("""
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = :name AND pid <> pg_backend_pid() ORDER BY 1
""")
_LEASES = text("SELECT count(*) FROM sync_streams WHERE lease_until > clock_timestamp()")


def move_to_schema(database: Database, target: str) -> tuple[str, int]:
    """Move everything of the mirror; give the schema that it was in, and the number of tables and views.

    Nothing is moved where it is there already. Raises UsageError where it cannot be moved there,
    DatabaseRefused where it is not of this version, in use, or the role may not.
    """
    if database.is_sqlite:
        raise UsageError("SQLite has no schemas: a mirror can be moved to another one only on PostgreSQL.")
    schema_name(target)
    with naming_users(database), database.begin() as connection:
        lock_schema(connection)
        before: str = connection.execute(text("SELECT current_schema()")).scalar_one()
        if before == target:
            return before, 0
        _require_nobody(database, connection)
        may_create_in(database, connection, target)
        names = our_relations(connection)
        found = connection.execute(_IN_THE_WAY, {"names": names, "target": target}).scalars().all()
        if found:
            more = f" and {len(found) - 1:,} more" if len(found) > 1 else ""
            raise UsageError(
                f"The schema {target} has {found[0]}{more} already, as has the mirror: move or rename that, "
                "or take another schema. Nothing was moved."
            )
        _move(connection, names, target)
    return before, len(names)


def must_be_movable(database: Database, target: str) -> None:
    """Raise DatabaseRefused where there is no mirror of this version to be moved."""
    if database.schema == target:
        with database.read() as connection:
            is_there = any(name.startswith("sync_") for name in relations(connection))
        if not is_there:
            raise DatabaseRefused(
                f"`database.schema` says {target} already, and there is no mirror there: leave it out while "
                "the mirror is moved."
            )
    check(database)


def _require_nobody(database: Database, connection: Connection) -> None:
    # The sessions of a pooler stay when their users are gone.
    name = {"name": application_name(database.schema)}
    sessions = [] if is_pooled(connection) else connection.execute(_SESSIONS, name).scalars().all()
    leases = connection.execute(_LEASES).scalar_one()
    if sessions or leases:
        who = f"in session {', '.join(map(str, sessions))}" if sessions else f"on {leases} streams"
        raise DatabaseRefused(
            f"syncer works with {database.shown_url} ({who}), and would not find the mirror any more: stop "
            "it first. Nothing was moved."
        )


def _move(connection: Connection, names: list[str], target: str) -> None:
    readers = {role for name, _, role in connection.execute(text(GRANTS)) if name in set(names)}
    present, to = relations(connection), quoted(connection, target)
    for name in names:
        kind = "VIEW" if present[name].is_view else "TABLE"
        connection.exec_driver_sql(f"ALTER {kind} {quoted(connection, name)} SET SCHEMA {to}")
    for role in readers:
        whom = "PUBLIC" if role is None else quoted(connection, role)
        connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA {to} TO {whom}")
    move_limits(connection, target)
