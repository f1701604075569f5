"""Watch of the change feed: one look for all who wait for something new."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from syncer.daemon.waiting import any_of
from syncer.domain.errors import DatabaseError
from syncer.store.db.database import Database
from syncer.store.db.last_work import Done
from syncer.store.db.notifications import Notifications
from syncer.store.reading.changes import feed_state
from syncer.store.records.feed import CHANNEL, newest_told

#: Seconds between two looks while somebody waits: for what another process may have written, where it tells
#: so, and where the database could not be asked. What this process writes is known without a look.
LOOK_EVERY = 0.1
LOOK_WHERE_TOLD = 5.0
LOOK_AGAIN_AFTER = 1.0
#: Seconds between two looks at least, however much is written meanwhile.
PAUSE = 0.02
#: Seconds after which the thread that listens looks whether it is to end.
_ROUND = 0.5


class FeedWatch:
    """Watch that knows the newest number of the feed while somebody waits for it, and costs nothing else.

    listens: whether writers notify the others through PostgreSQL. ``run`` does the work.
    """

    def __init__(self, database: Database, *, listens: bool = False) -> None:
        self._database = database
        self._listens = listens and not database.is_sqlite
        self._is_told = False
        self._waiting: dict[asyncio.Future[None], int] = {}
        self._wanted = asyncio.Event()
        self._news = asyncio.Event()

    async def wait_beyond(self, sequence: int) -> None:
        """Wait until the feed has a change behind a number; cancel it to give up."""
        news: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[news] = sequence
        # Something may have come since the caller looked.
        self._news.set()
        self._wanted.set()
        try:
            await news
        finally:
            del self._waiting[news]

    async def run(self, stopping: asyncio.Event) -> None:
        """Look for news until stopping is set, whenever somebody waits."""
        loop = asyncio.get_running_loop()

        def wrote(done: Done) -> None:
            # In the thread that wrote.
            newest = newest_told(done)
            if newest is not None:
                loop.call_soon_threadsafe(self._tell, newest)

        listening = asyncio.create_task(self._listen(stopping)) if self._listens else None
        with self._database.after_commit(wrote):
            try:
                while not stopping.is_set():
                    await any_of(self._wanted, stopping)
                    if not stopping.is_set():
                        await any_of(self._news, stopping, seconds=await self._look())
            finally:
                if listening is not None:
                    await listening

    async def _look(self) -> float:
        """Wake those who wait for what is there; give the seconds until the next look."""
        self._news.clear()
        if not self._waiting:
            self._wanted.clear()
            return 0.0
        try:
            # In a thread of its own: those of the runs may all be waiting for a lock.
            newest = await asyncio.to_thread(self._newest)
        except DatabaseError:
            # Who waits asks for a page in the end, and hears of it then.
            return LOOK_AGAIN_AFTER
        self._tell(newest)
        await asyncio.sleep(PAUSE)
        return LOOK_WHERE_TOLD if self._is_told else LOOK_EVERY

    def _tell(self, newest: int) -> None:
        """Wake those who wait for a number up to this one."""
        for news, sequence in self._waiting.items():
            if sequence < newest and not news.done():
                news.set_result(None)

    def _newest(self) -> int:
        with self._database.read() as connection:
            return feed_state(connection).newest

    async def _listen(self, stopping: asyncio.Event) -> None:
        """Listen to the writers of other processes until stopping is set."""
        while not stopping.is_set():
            with suppress(DatabaseError):
                await asyncio.to_thread(self._hear, stopping, asyncio.get_running_loop())
            self._is_told = False
            await any_of(stopping, seconds=LOOK_AGAIN_AFTER)

    def _hear(self, stopping: asyncio.Event, loop: asyncio.AbstractEventLoop) -> None:
        notifications = Notifications(self._database, CHANNEL)
        try:
            while not stopping.is_set():
                if notifications.wait(_ROUND):
                    # Behind a pooler nothing ever comes: only what has been heard is relied on.
                    self._is_told = True
                    loop.call_soon_threadsafe(self._news.set)
        finally:
            notifications.close()
