"""Revisions of the schema: which one a database has, and whether this version can work with it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from syncer.domain.errors import DatabaseOfOthers, DatabaseRefused, SchemaMismatch, ServerUnfit
from syncer.store.db.database import Database
from syncer.store.schema.schema_lock import VERSION_TABLE

OLDEST_POSTGRESQL = (13,)


def must_hold_tables(database: Database) -> str:
    """Give the revision of a database of ours. Raises DatabaseRefused where it has no tables."""
    with database.read() as connection:
        revision = revision_of(database, connection)
    if revision is None:
        raise DatabaseRefused(
            f"The database {database.shown_url} has no tables yet: run `syncer migrate` first."
        )
    return revision


def check(database: Database) -> None:
    """Raise DatabaseRefused unless the schema is exactly this version's."""
    revision = must_hold_tables(database)
    if revision != newest_revision():
        raise SchemaMismatch(
            f"The database {database.shown_url} is of an older syncer: run `syncer migrate` first."
        )


def is_current(connection: Connection) -> bool:
    """Tell whether the schema of a database of ours is exactly this version's."""
    return (
        VERSION_TABLE in inspect(connection).get_table_names()
        and stored_revision(connection) == newest_revision()
    )


def newer_revision(connection: Connection) -> str | None:
    """Read the revision that a newer version has given a database of ours; None where it is not newer.

    What is already at work goes on with such a schema: migrations leave a running older version what it
    needs, as far as they can.
    """
    revision = stored_revision(connection)
    return None if revision in known_revisions() else revision


def revisions(database: Database) -> tuple[str | None, str]:
    """Give the database's revision (None: no tables yet) and this version's."""
    with database.read() as connection:
        return revision_of(database, connection), newest_revision()


def revision_of(database: Database, connection: Connection) -> str | None:
    """Read the revision of a database of ours; None for an empty one."""
    _check_server(database, connection)
    tables = set(inspect(connection).get_table_names())
    if VERSION_TABLE not in tables:
        # Read only where it is needed: every command comes by here.
        from syncer.store.schema.mirror_tables import all_tables

        if tables & all_tables().tables.keys():
            raise DatabaseRefused(
                f"The database {database.shown_url} has tables of syncer's, but {VERSION_TABLE} is not among "
                "them: bring it back, or give syncer an empty database."
            )
        if tables:
            some = ", ".join(sorted(tables)[:3])
            or_schema = "" if database.is_sqlite else ", or a schema: `database.schema`"
            raise DatabaseOfOthers(
                f"The database {database.shown_url} holds another program's tables ({some}): "
                f"give syncer a database of its own{or_schema}."
            )
        return None
    revision = stored_revision(connection)
    if revision is not None and revision not in known_revisions():
        raise SchemaMismatch(
            f"The database {database.shown_url} has the schema of a newer syncer ({revision}): "
            "upgrade syncer on this host."
        )
    return revision


def _check_server(database: Database, connection: Connection) -> None:
    """Raise ServerUnfit for a server or an encoding that cannot hold a mirror."""
    if database.is_sqlite:
        return
    version = connection.dialect.server_version_info or ()
    if version < OLDEST_POSTGRESQL:
        raise ServerUnfit(
            f"The database {database.shown_url} is on PostgreSQL {'.'.join(map(str, version))}: "
            f"syncer needs {OLDEST_POSTGRESQL[0]} or newer."
        )
    encoding = connection.scalar(text("SHOW server_encoding"))
    if encoding != "UTF8":
        raise ServerUnfit(
            f"The database {database.shown_url} has the encoding {encoding}, which cannot hold every name: "
            "make one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0."
        )


def stored_revision(connection: Connection) -> str | None:
    """Read the revision of a database of ours."""
    found: str | None = connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))
    return found


def known_revisions() -> tuple[str, ...]:
    """Name the revisions that this version brings, oldest first."""
    return _revisions_in(migrations_folder())


@cache
def _revisions_in(folder: Path) -> tuple[str, ...]:
    """Read the revisions off the names of the files."""
    files = sorted((folder / "versions").glob("[0-9]*_*.py"))
    return tuple(file.name.partition("_")[0] for file in files)


def newest_revision() -> str:
    """Name the revision of this version."""
    return known_revisions()[-1]


def migrations_folder() -> Path:
    """Locate the migrations: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parents[2]
    shipped = package / "_migrations"
    return shipped if shipped.is_dir() else package.parent / "migrations"
