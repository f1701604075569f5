"""Tables of the queue: Procrastinate's own, in a schema that nothing else is in.

Its version is the last of the library's migrations; a table of ours beside them keeps it, and the mirror that
the queue is of.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from syncer.domain.errors import DatabaseRefused, UsageError
from syncer.store.db.database import Database
from syncer.store.queue.depth import JOBS
from syncer.store.queue.library import require_library
from syncer.store.schema.rights import may_create_in, schema_of
from syncer.store.schema.schema_lock import lock_schema, naming_users
from syncer.store.schema.upgrade_sql import mirror_owner
from syncer.store.schema.views import quoted

QUEUE_VERSION_TABLE = "syncer_queue_version"
_PRESENT = text("SELECT to_regclass(:version), to_regclass(:jobs)")


def make_queue(queue: Database, database: Database) -> bool:
    """Make the tables of a mirror's queue, or bring them to the library's version; False: they are of that.

    Raises DatabaseError, and UsageError where the library is not installed, or the mirror is in that schema.
    """
    require_library()
    mirror = _mirror(database)
    if mirror == queue.schema:
        raise UsageError(f"workers.schema is {mirror}, where the mirror is: name another schema.")
    with queue.read() as connection:
        if not _steps(queue, connection, mirror):
            return False
    with naming_users(queue), queue.begin() as connection:
        return _make(queue, mirror, connection)


def _make(queue: Database, mirror: str, connection: Connection) -> bool:
    assert queue.schema is not None
    lock_schema(connection, QUEUE_VERSION_TABLE)
    may_create_in(queue, connection, queue.schema)
    steps = _steps(queue, connection, mirror)
    driver: Any = connection.connection.driver_connection
    for each in steps:
        # Several statements, which the driver takes where there are no parameters.
        driver.execute(each.encode())
    return bool(steps)


def queue_sql(queue: Database, database: Database) -> str:
    """Write the SQL of what ``make_queue`` would do, for psql; nothing is changed. Raises as that does.

    It is one transaction, which gives the tables to the role that owns the mirror.
    """
    require_library()
    with queue.read() as connection:
        steps = _steps(queue, connection, _mirror(database))
    if not steps:
        return ""
    with database.read() as connection:
        owner = quoted(connection, mirror_owner(connection))
    statements = [
        "BEGIN",
        f"CREATE SCHEMA IF NOT EXISTS {queue.schema} AUTHORIZATION {owner}",
        f"SET LOCAL search_path = {queue.schema}",
        f"SET LOCAL ROLE {owner}",
        *(each.strip().removesuffix(";") for each in steps),
        "COMMIT",
    ]
    return "".join(f"{each};\n" for each in statements)


def _mirror(database: Database) -> str:
    with database.read() as connection:
        return schema_of(database, connection) or ""


def _steps(database: Database, connection: Connection, mirror: str) -> list[str]:
    """Give the scripts that the tables lack, our note of the version last; none where they are current."""
    schema, latest = database.schema, migrations()[-1].name
    names = {"version": f"{schema}.{QUEUE_VERSION_TABLE}", "jobs": f"{schema}.{JOBS}"}
    version, jobs = connection.execute(_PRESENT, names).one()
    if version is None:
        if jobs is not None:
            raise DatabaseRefused(
                f"The schema {schema} of {database.shown_url} holds the queue of another program: "
                "name another one as workers.schema."
            )
        library = (files("procrastinate.sql") / "schema.sql").read_text(encoding="utf-8")
        return [library, _version_table(latest, mirror)]
    found, owner = connection.execute(
        text(f"SELECT migration, mirror FROM {schema}.{QUEUE_VERSION_TABLE}")
    ).one()
    if owner != mirror:
        raise DatabaseRefused(
            f"The schema {schema} of {database.shown_url} holds the queue of the mirror in schema {owner}: "
            "name another one as workers.schema."
        )
    later = [each for each in migrations() if each.name > found]
    note = f"UPDATE {QUEUE_VERSION_TABLE} SET migration = '{latest}'"
    return [*(each.read_text(encoding="utf-8") for each in later), note] if later else []


def _version_table(latest: str, mirror: str) -> str:
    mirror = mirror.replace("'", "''")
    return (
        f"CREATE TABLE {QUEUE_VERSION_TABLE} (migration text NOT NULL, mirror text NOT NULL);\n"
        f"INSERT INTO {QUEUE_VERSION_TABLE} VALUES ('{latest}', '{mirror}')"
    )


def migrations() -> list[Path]:
    """List the library's migrations, oldest first: their names begin with its version."""
    folder = Path(str(files("procrastinate.sql"))) / "migrations"
    return sorted(folder.glob("*.sql"))
