"""Rights that a migration needs of a role of PostgreSQL, and the statement that grants what is missing."""

from __future__ import annotations

from sqlalchemy import Connection, text

from syncer.domain.errors import RightsMissing
from syncer.store.db.database import Database

_RIGHTS = text("""
    SELECT current_user, current_schema(), has_schema_privilege(current_schema(), 'CREATE'),
           current_setting('search_path'), ARRAY(SELECT nspname::text FROM pg_namespace)
""")
_MAY_MAKE = text("""
    SELECT has_database_privilege(current_database(), 'CREATE')
        AND NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = :name)
""")
_MAY_USE = text("SELECT has_schema_privilege(:name, 'CREATE')")
_OWNER = text("""
    SELECT tableowner FROM pg_tables
    WHERE schemaname = current_schema() AND tablename = :name AND NOT pg_has_role(tableowner, 'USAGE')
""")


def schema_of(database: Database, connection: Connection) -> str | None:
    """Give the schema of PostgreSQL that the mirror is in, or will be; None where there is none to be in."""
    return database.schema or connection.scalar(text("SELECT current_schema()"))


def make_schema(database: Database, connection: Connection) -> None:
    """Make the schema that the database was opened with, where there is none and the role may.

    Whoever may not is told by ``must_migrate`` what to have run.
    """
    if database.schema is not None and connection.execute(_MAY_MAKE, {"name": database.schema}).scalar():
        connection.exec_driver_sql(f"CREATE SCHEMA {database.schema}")


def may_create_in(database: Database, connection: Connection, name: str) -> None:
    """Make a schema where there is none. Raises RightsMissing where the role may not make tables in it."""
    if connection.execute(_MAY_MAKE, {"name": name}).scalar():
        connection.exec_driver_sql(f"CREATE SCHEMA {name}")
    role, _, _, _, present = connection.execute(_RIGHTS).one()
    may = name in present and connection.execute(_MAY_USE, {"name": name}).scalar_one()
    if not may:
        raise RightsMissing(
            f"The role {role} may not create tables in the schema {name} of {database.shown_url}: have the "
            f"owner of the database run `{_grant(connection, role, None, name, present)}` there."
        )


def must_migrate(database: Database, connection: Connection, version_table: str) -> None:
    """Raise RightsMissing where the role may not make or change tables; version_table: one of ours."""
    if connection.dialect.name != "postgresql":
        return
    role, schema, may_create, search_path, present = connection.execute(_RIGHTS).one()
    if not may_create:
        raise RightsMissing(
            f"The role {role}, whose search_path is {search_path}, may not create tables in "
            f"{database.shown_url}: have the owner of the database "
            f"run `{_grant(connection, role, schema, search_path, present)}` there."
        )
    owner = connection.execute(_OWNER, {"name": version_table}).scalar_one_or_none()
    if owner is not None:
        raise RightsMissing(
            f"The tables in {database.shown_url} belong to the role {owner}, so that {role} may not change "
            f"them: run `syncer migrate` as {owner}."
        )


def _grant(
    connection: Connection, role: str, schema: str | None, search_path: str, present: list[str]
) -> str:
    """Write the statement that lets the role create tables where it looks for them."""
    quote = connection.dialect.identifier_preparer.quote
    named = [name.strip().strip('"').replace("$user", role) for name in search_path.split(",")]
    # Without the right to use a schema PostgreSQL passes it over.
    schema = schema or next((name for name in named if name in present), None)
    if schema is None:
        return f"CREATE SCHEMA {quote(named[-1])} AUTHORIZATION {quote(role)};"
    return f"GRANT USAGE, CREATE ON SCHEMA {quote(schema)} TO {quote(role)};"
