"""Read the marks by which a database can be told from a backup of it that was restored in its place."""

from __future__ import annotations

from sqlalchemy import Connection, func, inspect, select, text

from syncer.domain.errors import DatabaseReplaced
from syncer.domain.incarnation import Incarnation
from syncer.store.db.database import Database
from syncer.store.schema.mirror_tables import metadata, streams

#: A restored database has another number, other tables, or has filled them anew.
_OBJECTS = text(
    """
    SELECT (SELECT oid FROM pg_database WHERE datname = current_database()),
           (SELECT sum(oid::bigint) FROM pg_class
            WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND relname = ANY(:names)),
           pg_relation_filenode(to_regclass('sync_streams'))
    """
)


def read_incarnation(database: Database) -> Incarnation:
    """Read the marks of the database. Raises DatabaseError, DatabaseReplaced where there are no tables."""
    # A connection's cache may hold pages of the file that was there before.
    with database.read(fresh=True) as connection:
        objects: tuple[int | None, ...] = ()
        if not database.is_sqlite:
            objects = tuple(connection.execute(_OBJECTS, {"names": list(metadata.tables)}).one())
        if not inspect(connection).has_table(streams.name):
            raise DatabaseReplaced(f"The database {database.shown_url} has lost its tables.")
        return Incarnation(objects, _leases(connection))


def _leases(connection: Connection) -> int:
    return int(connection.execute(select(func.coalesce(func.sum(streams.c.fence), 0))).scalar_one())
