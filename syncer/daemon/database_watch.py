"""Watch of the running service's database: silence shows where nobody works, and a backup in its place."""

from __future__ import annotations

import asyncio

from msgspec import Struct

from syncer.daemon.database_health import DatabaseHealth
from syncer.daemon.waiting import any_of
from syncer.domain.errors import DatabaseError, DatabaseReplaced, DatabaseUnavailable
from syncer.domain.incarnation import Incarnation
from syncer.process.log import Logger
from syncer.store.db.database import Database
from syncer.store.schema.revisions import newer_revision
from syncer.store.state.incarnation import read_incarnation
from syncer.store.state.probe import read_bookkeeping

#: Seconds between two looks: while all is well, and while it is not.
LOOK_EVERY = 5.0
LOOK_AGAIN_AFTER = 1.0
#: Seconds without an answer after which the database counts as unavailable.
PATIENCE = 5.0

log = Logger()


class Look(Struct, frozen=True):
    """State of the database. newer: the revision that a newer version has given it, if one has."""

    incarnation: Incarnation
    newer: str | None


async def watch_database(
    database: Database,
    first: Incarnation,
    stopping: asyncio.Event,
    database_health: DatabaseHealth,
    *,
    look_every: float = LOOK_EVERY,
    patience: float = PATIENCE,
) -> None:
    """Look at the database until stopping is set, and report how that went. Raises DatabaseReplaced.

    That a newer version has migrated it is logged once: this one goes on until it is stopped.
    """
    part, last, newer = "watch", first, None
    while not stopping.is_set():
        # In a thread of its own: those of the runs may all be waiting for a lock.
        look = asyncio.create_task(check_database(database, last))
        stop = asyncio.create_task(stopping.wait())
        await asyncio.wait({look, stop}, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        if not look.done() and not stop.done():
            silence = f"The database has not answered for {patience:g} s."
            database_health.report_failure(part, DatabaseUnavailable(silence))
            await asyncio.wait({look, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if not look.done():
            # The thread ends once the database answers, or with the process.
            return
        found = look.result()
        if isinstance(found, DatabaseError):
            database_health.report_failure(part, found)
        else:
            last = found.incarnation
            if found.newer not in (None, newer):
                newer = found.newer
                log.warning("database_upgraded", revision=newer)
            database_health.report_success(part)
        is_well = not isinstance(found, DatabaseError)
        await any_of(stopping, seconds=look_every if is_well else min(LOOK_AGAIN_AFTER, look_every))


async def check_database(database: Database, last: Incarnation) -> Look | DatabaseError:
    """Compare the database with what it was; give what it is, or what is wrong with it.

    Raises DatabaseReplaced.
    """
    return await asyncio.to_thread(_look, database, last)


def _look(database: Database, last: Incarnation) -> Look | DatabaseError:
    try:
        found = read_incarnation(database, last)
        with database.read() as connection:
            read_bookkeeping(connection)
            newer = newer_revision(connection)
    except DatabaseReplaced:
        raise
    except DatabaseError as error:
        return error
    return Look(found, newer)
