"""Read the marks by which a database can be told from a backup of it that was restored in its place."""

from __future__ import annotations

from sqlalchemy import Connection, func, inspect, select, text

from syncer.domain.errors import DatabaseReplaced
from syncer.domain.incarnation import Incarnation, is_another
from syncer.store.db.database import Database
from syncer.store.schema.mirror_tables import all_tables
from syncer.store.schema.state_tables import runs, streams

#: A restored database has another number, other tables, or has filled them anew.
_OBJECTS = text(
    """
    SELECT 'database', oid FROM pg_database WHERE datname = current_database()
    UNION ALL SELECT relname, oid FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND relname = ANY(:names)
    UNION ALL SELECT 'rows of ' || relname, relfilenode FROM pg_class WHERE oid = to_regclass('sync_streams')
    """
)
_LEASES = select(func.coalesce(func.sum(streams.c.fence), 0))
_LAST_RUN = select(runs.c.id).where(runs.c.ended_at.is_not(None)).order_by(runs.c.ended_at.desc()).limit(1)


def read_incarnation(database: Database, before: Incarnation | None = None) -> Incarnation:
    """Read the marks of the database.

    Raises DatabaseReplaced where it is another one than before, or has no tables; DatabaseError.
    """
    # A connection's cache may hold pages of the file that was there before.
    with database.read(fresh=True) as connection:
        objects = dict(before.objects) if before else {}
        if not database.is_sqlite:
            for name, number in connection.execute(_OBJECTS, {"names": list(all_tables().tables)}):
                objects[name] = number
        if not inspect(connection).has_table(runs.name):
            raise DatabaseReplaced(f"The database {database.shown_url} has lost its tables.")
        leases = connection.execute(_LEASES).scalar_one()
        found = Incarnation(objects, int(leases), connection.execute(_LAST_RUN).scalar())
        if before and is_another(before, found, knows_last_run=_knows(connection, before.last_run)):
            raise DatabaseReplaced(
                f"The database {database.shown_url} has been replaced while it was in use: "
                "begin anew with the one that is there."
            )
        return found


def _knows(connection: Connection, run_id: str | None) -> bool:
    return connection.execute(select(runs.c.id).where(runs.c.id == run_id)).first() is not None
