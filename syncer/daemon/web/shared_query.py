"""A query whose answer requests share, so that no number of them makes it run more often than is good."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from syncer.domain.errors import DatabaseUnavailable

#: How many times as long as it took an answer is kept: running again and again takes a fifth of the time.
KEPT = 4
#: Seconds that an answer is kept at most for who can wait for a newer one.
LONGEST_KEPT = 60.0

_K = TypeVar("_K")
_T = TypeVar("_T")


class SharedQuery(Generic[_K, _T]):
    """A query in a thread, one at a time, whose answer all requests get that come meanwhile and soon after.

    So a database that hangs holds one thread, and a large mirror is not summed up without end. patience:
    seconds that a request waits, and that an answer is kept at most.
    """

    def __init__(self, query: Callable[[_K], _T], patience: float) -> None:
        self._query = query
        self._patience = patience
        self._running: asyncio.Task[_T] | None = None
        self._key: _K | None = None
        self._ended = 0.0
        self._took = 0.0
        #: Seconds of a processor that the last answer has cost here: as many where there is other work.
        self.cost = 0.0

    async def ask(self, key: _K, *, kept: float | None = None) -> _T:
        """Answer with the result for a key; an answer for another one is not kept, and is waited for.

        kept: how many times its cost the answer may have been kept, for who can wait for a newer one.
        Raises DatabaseUnavailable where it takes too long, and what the query raises.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + self._patience
        while True:
            running = self._running
            if running is None or (running.done() and not self._is_fresh(running, key, kept)):
                self._key = key
                self._running = running = asyncio.create_task(self._run(key))
                # Nobody may be left to hear of it.
                running.add_done_callback(lambda done: done.cancelled() or done.exception())
            answers = self._key
            await asyncio.wait({running}, timeout=until - loop.time())
            if not running.done():
                raise DatabaseUnavailable(f"The database has not answered for {self._patience:g} s.")
            if answers == key:
                return running.result()

    def _is_fresh(self, done: asyncio.Task[_T], key: _K, kept: float | None) -> bool:
        if done.cancelled() or done.exception() is not None or key != self._key:
            return False
        fresh_for = min(KEPT * self._took, self._patience)
        if kept is not None:
            fresh_for = max(fresh_for, min(kept * self.cost, LONGEST_KEPT))
        return asyncio.get_running_loop().time() < self._ended + fresh_for

    async def _run(self, key: _K) -> _T:
        loop = asyncio.get_running_loop()
        started = loop.time()
        result, self.cost = await asyncio.to_thread(self._measured, key)
        self._ended = loop.time()
        self._took = self._ended - started
        return result

    def _measured(self, key: _K) -> tuple[_T, float]:
        began = time.thread_time()
        result = self._query(key)
        return result, time.thread_time() - began
