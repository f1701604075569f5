"""Presence of the service among the processes of its database: a heartbeat from its start to its end."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import suppress
from functools import partial

from sqlalchemy import Connection

from syncer import __version__
from syncer.app import App
from syncer.daemon.waiting import any_of
from syncer.domain.errors import DatabaseError
from syncer.store.state.processes import Process, beat, leave

#: Seconds between two heartbeats.
BEAT_EVERY = 15.0
#: Seconds that saying goodbye may take: a process whose row stays is forgotten later.
GOODBYE = 2.0


async def announce(app: App, role: str, stopping: asyncio.Event, *, beat_every: float = BEAT_EVERY) -> None:
    """Say that this process is there, again and again until stopping is set, and then that it is not."""
    process = Process(app.owner, role, socket.gethostname(), os.getpid(), __version__)

    def say(connection: Connection) -> None:
        beat(connection, process, app.database.now(connection))

    while not stopping.is_set():
        # Whoever depends on the database reports its failure; that so small a row is written proves little.
        with suppress(DatabaseError):
            await app.database.write(say)
        await any_of(stopping, seconds=beat_every)
    try:
        async with asyncio.timeout(GOODBYE):
            await app.database.write(partial(leave, owner=process.owner))
    except (DatabaseError, TimeoutError):
        # Who looks sees how long ago its last heartbeat was.
        pass
