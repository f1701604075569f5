"""Watch of the database under the running service: a backup in its place is another database."""

from __future__ import annotations

import asyncio

from syncer.daemon.waiting import any_of
from syncer.domain.errors import DatabaseError, DatabaseReplaced
from syncer.domain.incarnation import Incarnation
from syncer.store.db.database import Database
from syncer.store.state.incarnation import read_incarnation

#: Seconds between two looks.
LOOK_EVERY = 5.0


async def watch_database(
    database: Database, first: Incarnation, stopping: asyncio.Event, look_every: float
) -> None:
    """Look at the database until stopping is set. Raises DatabaseReplaced."""
    last = first
    while not stopping.is_set():
        await any_of(stopping, seconds=look_every)
        last = await check_database(database, last)


async def check_database(database: Database, last: Incarnation) -> Incarnation:
    """Compare the database with what it was; give what it is. Raises DatabaseReplaced."""
    try:
        return await asyncio.to_thread(read_incarnation, database, last)
    except DatabaseReplaced:
        raise
    except DatabaseError:
        # Those who work with it say so.
        return last
