"""Health of the API key: while Kombo refuses it nothing is sent but one request now and then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from syncer.daemon.database_health import DatabaseHealth
from syncer.daemon.waiting import any_of
from syncer.domain.errors import DatabaseError, KeyRefused, UsageError
from syncer.environments.environment import Environment
from syncer.operations.key import check_key, keep_refusal
from syncer.process.log import Logger
from syncer.sync.context import SyncContext

log = Logger()

#: Pause between two requests with a key that is refused.
RECHECK_EVERY = timedelta(minutes=15)


class KeyHealth:
    """Refusal of the key, as the parts of the service meet it; logged once for all of them."""

    def __init__(self) -> None:
        self.error: str | None = None
        self.refused = asyncio.Event()
        self._recovery_callbacks: list[Callable[[], None]] = []

    def on_recovery(self, callback: Callable[[], None]) -> None:
        """Register a call for the time when the key is accepted again."""
        self._recovery_callbacks.append(callback)

    def report_refusal(self, error: KeyRefused) -> None:
        """Note that Kombo refuses the key."""
        if self.error is None:
            log.error("key_refused", error=str(error), asked_again_in_seconds=RECHECK_EVERY.total_seconds())
        self.error = str(error)
        self.refused.set()

    def report_acceptance(self) -> None:
        """Note that Kombo accepts the key."""
        if self.error is not None:
            self.error = None
            self.refused.clear()
            log.info("key_accepted")
            for callback in self._recovery_callbacks:
                callback()


class KeyWatcher:
    """Keeps the refusal where others see it, and asks again with the key as it is by then."""

    def __init__(
        self,
        environment: Environment,
        context: SyncContext,
        health: KeyHealth,
        database_health: DatabaseHealth,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._environment = environment
        self._context = context
        self._health = health
        self._database_health = database_health
        self._clock = clock
        self._is_kept = False
        self._next_check: datetime | None = None
        self._unread: str | None = None

    async def watch(self, stopping: asyncio.Event, every: float) -> None:
        """Look at each refusal, and while there is one every so many seconds, until stopping is set."""
        while not stopping.is_set():
            if self._health.error is None:
                await any_of(self._health.refused, stopping)
            else:
                await self._look_until(stopping)
                await any_of(stopping, seconds=every)

    async def _look_until(self, stopping: asyncio.Event) -> None:
        """Look, and give it up where stopping is set meanwhile: Kombo may be silent for long."""
        looking = asyncio.create_task(self.look())
        stop = asyncio.create_task(stopping.wait())
        await asyncio.wait((looking, stop), return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if not looking.done():
            looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking

    async def look(self) -> None:
        """Keep a refusal that is new, and ask again if it is time or the key is another one by now."""
        error = self._health.error
        if error is None:
            return
        now = self._clock()
        self._next_check = self._next_check or now + RECHECK_EVERY
        try:
            if not self._is_kept:
                await keep_refusal(self._environment, error)
                self._is_kept = True
            if await self._is_replaced() or now >= self._next_check:
                self._next_check = now + RECHECK_EVERY
                await self._check()
        except DatabaseError as failure:
            self._database_health.report_failure("key", failure)
        else:
            self._database_health.report_success("key")

    async def _is_replaced(self) -> bool:
        """Read the key again, and use it from now on where it is another one."""
        try:
            key = await asyncio.to_thread(self._environment.read_key)
            if key == self._environment.api_key:
                return False
            self._environment.use_key(key)
        except UsageError as error:
            if str(error) != self._unread:
                log.warning("key_not_read", error=str(error))
            self._unread = str(error)
            return False
        return True

    async def _check(self) -> None:
        try:
            is_accepted = await check_key(self._environment, self._context) is None
        except KeyRefused as error:
            self._health.report_refusal(error)
            return
        if is_accepted:
            self._is_kept, self._next_check, self._unread = False, None, None
            self._health.report_acceptance()
