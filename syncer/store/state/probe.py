"""Probe of the bookkeeping: usable or not, whatever is wrong with tables of the mirror."""

from __future__ import annotations

from sqlalchemy import Connection, text

from syncer.store.schema.state_tables import metadata

_NAMES = [name for name in tuple(metadata.tables) if name.startswith("sync_")]
_READ = " UNION ALL ".join(f"SELECT 1 FROM {name} WHERE false" for name in _NAMES)


def probe_bookkeeping(connection: Connection) -> None:
    """Raise the database's error unless every bookkeeping table is there to be written.

    Call it in a writing transaction, which on SQLite has the lock to write already.
    """
    if connection.dialect.name == "postgresql":
        # The lock that every write takes, and no other writer waits for.
        connection.execute(text(f"LOCK TABLE {', '.join(_NAMES)} IN ROW EXCLUSIVE MODE NOWAIT"))
        return
    read_bookkeeping(connection)


def read_bookkeeping(connection: Connection) -> None:
    """Raise the database's error unless every bookkeeping table is there to be read."""
    connection.execute(text(_READ))
