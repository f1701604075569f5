"""Inbox of an environment: events on their way into the database, all that wait in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from syncer.domain.errors import DatabaseUnavailable
from syncer.domain.webhooks.event import Event
from syncer.environments.environment import Environment
from syncer.operations.webhooks import receive_events
from syncer.store.state.received_events import ACCEPTED

#: Seconds that an event waits to be stored; then its sender is told to come again.
PATIENCE = 3.0
#: Events of one transaction, and those that may wait for the next ones.
MOST_AT_ONCE = 200
MOST_WAITING = 1_000

_Waiting = tuple[Event, "asyncio.Future[str]"]


class Inbox:
    """Events of an environment that wait, and the one transaction under way; on_stored is called after each
    that has stored what is new.

    A transaction waits for no worker thread, and for one writer of this process at most. Where it takes
    longer than patience, those who come are told so at once: the database is away, or somebody keeps it.
    """

    def __init__(
        self, environment: Environment, on_stored: Callable[[], None], *, patience: float = PATIENCE
    ) -> None:
        self._environment = environment
        self._on_stored = on_stored
        self._patience = patience
        self._waiting: list[_Waiting] = []
        self._storing: asyncio.Task[None] | None = None
        self._storing_since = 0.0

    async def put(self, event: Event) -> str:
        """Store an event; give its outcome once that is committed.

        Raises DatabaseUnavailable where that takes too long, though it may be stored later; DatabaseError.
        """
        loop = asyncio.get_running_loop()
        if len(self._waiting) >= MOST_WAITING or self._is_stuck(loop.time()):
            raise DatabaseUnavailable("The database does not take events for now.")
        stored: asyncio.Future[str] = loop.create_future()
        self._waiting.append((event, stored))
        if self._storing is None:
            self._storing_since = loop.time()
            self._storing = asyncio.create_task(self._store_all())
        with self._environment.database.answering():
            await asyncio.wait({stored}, timeout=self._patience)
        if not stored.done():
            stored.cancel()
            raise DatabaseUnavailable(f"The database has not taken the event for {self._patience:g} s.")
        return stored.result()

    def _is_stuck(self, now: float) -> bool:
        return self._storing is not None and now - self._storing_since > self._patience

    async def _store_all(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while batch := self._next_batch():
                self._storing_since = loop.time()
                await self._store(batch)
        finally:
            self._storing = None

    def _next_batch(self) -> list[_Waiting]:
        """Take the events whose senders still wait."""
        batch = self._waiting[:MOST_AT_ONCE]
        del self._waiting[:MOST_AT_ONCE]
        return [each for each in batch if not each[1].done()] or (self._next_batch() if batch else [])

    async def _store(self, batch: list[_Waiting]) -> None:
        events = [event for event, _ in batch]
        try:
            outcomes = await receive_events(self._environment, events)
        except Exception as error:
            for _, stored in batch:
                if not stored.done():
                    stored.set_exception(error)
            return
        for (_, stored), outcome in zip(batch, outcomes, strict=True):
            if not stored.done():
                stored.set_result(outcome)
        if ACCEPTED in outcomes:
            self._on_stored()
