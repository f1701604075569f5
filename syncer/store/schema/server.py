"""Server and encoding that a mirror on PostgreSQL needs."""

from __future__ import annotations

from sqlalchemy import Connection, text

from syncer.domain.errors import ServerUnfit
from syncer.store.db.database import Database

OLDEST_POSTGRESQL = (13,)


def check_server(database: Database, connection: Connection) -> None:
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
