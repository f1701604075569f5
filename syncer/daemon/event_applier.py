"""Find the effects of stored events in the background, at once and in the order of their arrival."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from syncer.domain.errors import DatabaseError
from syncer.environments.environment import Environment
from syncer.operations.webhooks import Applied, apply_events

#: Seconds before another attempt where the database could not be used.
RETRY_AFTER = 5.0
#: Seconds between two transactions: one that finds the effects of ten takes hardly longer than that of one
#: event.
REST = 0.05


class EventApplier:
    """Transactions that find the effects of an environment's events; on_effect is called after each with any.

    One at a time goes round streams that runs have locked, so that no event waits for the page of another
    stream; a second one waits for these. Events that come while one is under way, and a while after, have
    their effects by the next one together. What a process that ends leaves undone others find.
    """

    def __init__(self, environment: Environment, on_effect: Callable[[], None]) -> None:
        self._environment = environment
        self._on_effect = on_effect
        self._is_woken = False
        self._applying: asyncio.Task[None] | None = None
        self._waiting: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Look for events now."""
        self._is_woken = True
        if self._applying is None:
            self._applying = asyncio.create_task(self._apply_all())

    async def _apply_all(self) -> None:
        try:
            while self._is_woken:
                self._is_woken = False
                applied = await self._apply(waits=False)
                if applied is not None and applied.is_left and self._waiting is None:
                    self._waiting = asyncio.create_task(self._apply_left())
                if applied is not None and applied.is_more:
                    self._is_woken = True
                else:
                    await asyncio.sleep(REST)
        finally:
            self._applying = None

    async def _apply_left(self) -> None:
        try:
            applied = await self._apply(waits=True)
        finally:
            self._waiting = None
        if applied is not None:
            # Others may have been left since it looked.
            self.wake()

    async def _apply(self, *, waits: bool) -> Applied | None:
        """Find effects in one transaction; None where the database cannot be used, which is tried again."""
        database = self._environment.database
        run = database.write if waits else database.write_promptly
        try:
            applied = await run(partial(apply_events, self._environment, waits=waits))
        except DatabaseError:
            # Whoever works with the database reports that it is away.
            asyncio.get_running_loop().call_later(RETRY_AFTER, self.wake)
            return None
        if applied.has_effects:
            self._on_effect()
        return applied
