"""Listen for streams that other processes make due, on PostgreSQL; elsewhere polling alone finds them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing

from syncer.daemon.waiting import any_of
from syncer.domain.errors import DatabaseUnavailable
from syncer.process.log import Logger
from syncer.store.db.database import Database
from syncer.store.db.due_channel import listen_due

log = Logger()

#: Seconds before a connection that was lost is made again; doubled while that fails, so many times.
PAUSE = 1.0
MAX_DOUBLINGS = 5


async def listen(database: Database, ending: asyncio.Event, wake: Callable[[], None]) -> None:
    """Call wake whenever another process has made streams due, until ending is set.

    Nothing depends on it but how soon that is: the workers poll all the same. After each new connection they
    are woken for what was missed.
    """
    if database.is_sqlite:
        await any_of(ending)
        return
    listening = asyncio.create_task(_listen(database, wake))
    ended = asyncio.create_task(ending.wait())
    try:
        await asyncio.wait({listening, ended}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (listening, ended):
            task.cancel()
        ends = await asyncio.gather(listening, ended, return_exceptions=True)
    for each in ends:
        if isinstance(each, Exception):
            raise each


async def _listen(database: Database, wake: Callable[[], None]) -> None:
    failures = 0
    while True:
        try:
            async with aclosing(listen_due(database)) as notifications:
                async for _ in notifications:
                    failures = 0
                    wake()
        except DatabaseUnavailable as error:
            # Whoever needs the database reports that it is away.
            log.debug("notifications_lost", error=str(error))
            await asyncio.sleep(PAUSE * 2.0 ** min(failures, MAX_DOUBLINGS))
            failures += 1
