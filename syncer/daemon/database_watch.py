"""Watch over the database: a small question every few seconds, so that silence shows where nobody works."""

from __future__ import annotations

import asyncio

from syncer.daemon.database_health import DatabaseHealth
from syncer.daemon.waiting import any_of
from syncer.domain.errors import DatabaseError, DatabaseUnavailable
from syncer.store.db.database import Database
from syncer.store.state.probe import read_bookkeeping

#: Seconds between two questions: while all is well, and while it is not.
LOOK_EVERY = 10.0
LOOK_AGAIN_AFTER = 1.0
#: Seconds without an answer after which the database counts as unavailable.
PATIENCE = 5.0


async def watch_database(
    database: Database,
    stopping: asyncio.Event,
    database_health: DatabaseHealth,
    *,
    look_every: float = LOOK_EVERY,
    patience: float = PATIENCE,
) -> None:
    """Look at the bookkeeping until stopping is set, and report how that went."""
    part = "watch"
    while not stopping.is_set():
        # In a thread of its own: those of the runs may all be waiting for a lock.
        look = asyncio.create_task(asyncio.to_thread(_look, database))
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
        error = look.result()
        if error is None:
            database_health.report_success(part)
        else:
            database_health.report_failure(part, error)
        await any_of(stopping, seconds=look_every if error is None else LOOK_AGAIN_AFTER)


def _look(database: Database) -> DatabaseError | None:
    """Read the bookkeeping; give what is wrong with it."""
    try:
        with database.read() as connection:
            read_bookkeeping(connection)
    except DatabaseError as error:
        return error
    return None
