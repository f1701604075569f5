"""Calls of applications that are under way, and the environments that they go through."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from typing import Any

from syncer.environments.environment import Opened

#: Seconds that calls under way have at the end, as runs have.
GRACE = 5.0


class Calls:
    """Calls under way. environments: those that are open, by name; none before the mirror is."""

    def __init__(self, *, grace: float = GRACE) -> None:
        self.environments: Mapping[str, Opened] = {}
        self._grace = grace
        self._under_way: set[asyncio.Task[None]] = set()

    @property
    def under_way(self) -> int:
        """Count the calls under way."""
        return len(self._under_way)

    def begin(self, call: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Begin a call, which goes on also where nobody waits for it any more."""
        task = asyncio.create_task(call)
        self._under_way.add(task)
        task.add_done_callback(self._done)
        return task

    async def take(self, environments: Iterable[Opened], ending: asyncio.Event) -> None:
        """Let calls go through these environments until ending is set; then wait for those under way."""
        self.environments = {each.environment.name: each for each in environments}
        try:
            await ending.wait()
        finally:
            self.environments = {}
            await self._finish()

    async def _finish(self) -> None:
        if not self._under_way:
            return
        _, late = await asyncio.wait(self._under_way, timeout=self._grace)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        # Nobody may be left to hear of its error.
        if not task.cancelled():
            task.exception()
