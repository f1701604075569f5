"""Reads of the database for requests: in threads, and never in so many that others lack a connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from syncer.domain.errors import DatabaseUnavailable

_T = TypeVar("_T")


class PatientReads:
    """Reads of which there are at_once at most. patience: seconds that a request waits for the database."""

    def __init__(self, at_once: int, patience: float) -> None:
        self._patience = patience
        self._turns = asyncio.Semaphore(at_once)

    async def run(self, work: Callable[[], _T]) -> _T:
        """Use the database in a thread. Raises DatabaseUnavailable where it takes too long."""
        try:
            await asyncio.wait_for(self._turns.acquire(), self._patience)
        except TimeoutError:
            raise self._unavailable() from None
        task = asyncio.create_task(asyncio.to_thread(work))
        task.add_done_callback(self._done)
        await asyncio.wait({task}, timeout=self._patience)
        if not task.done():
            raise self._unavailable()
        return task.result()

    def _done(self, task: asyncio.Task[_T]) -> None:
        # As long as a thread hangs its turn is taken; and nobody may be left to hear of its error.
        self._turns.release()
        if not task.cancelled():
            task.exception()

    def _unavailable(self) -> DatabaseUnavailable:
        return DatabaseUnavailable(f"The database has not answered for {self._patience:g} s.")
