"""Dispatch of due streams to workers: a job in the queue for each, for whoever takes it first.

The rows of the streams stay the truth. A job that is lost is made again, since its stream is still due; one
too many finds its stream not due, or leased, and does nothing.
"""

from __future__ import annotations

import asyncio

from syncer.daemon.database_health import DATABASE_PAUSE, DatabaseHealth
from syncer.daemon.due import Due, LogTrimmer, read_due
from syncer.daemon.key_health import KeyHealth
from syncer.daemon.waiting import any_of
from syncer.daemon.workers import CANDIDATES, FULL_PAUSE, POLL_EVERY
from syncer.domain.errors import DatabaseError
from syncer.domain.scheduling.jobs import plan_jobs
from syncer.store.db.database import Database
from syncer.store.queue.job_queue import JobQueue
from syncer.sync.context import SyncContext


class Dispatcher:
    """Dispatcher of one environment; several of them, in several services, make no job twice.

    queue: whose schema has the jobs. stopping: set to end. Times in seconds.
    """

    def __init__(
        self,
        context: SyncContext,
        queue: Database,
        stopping: asyncio.Event,
        *,
        database_health: DatabaseHealth,
        key_health: KeyHealth,
        poll_every: float = POLL_EVERY,
        database_pause: float = DATABASE_PAUSE,
    ) -> None:
        self._context = context
        self._queue = JobQueue(queue, context.streams.environment)
        self._stopping = stopping
        self._silent_for = context.rules.lease / 2
        self._database_health = database_health
        self._key_health = key_health
        # A killed worker's job goes on within a lease.
        self._poll_every = min(poll_every, self._silent_for.total_seconds())
        self._database_pause = database_pause
        self._woken = asyncio.Event()
        #: By the event loop's time.
        self._looked_at = -self._poll_every
        self._is_long = False
        self._trimmer = LogTrimmer(context)
        database_health.on_recovery(self.wake)
        key_health.on_recovery(self.wake)

    def wake(self) -> None:
        """Look for what is due now, without waiting for the next poll."""
        self._woken.set()

    async def run(self) -> None:
        """Make jobs until stopping is set, and none while the key is refused."""
        while not self._stopping.is_set():
            self._woken.clear()
            pause = await self._dispatch()
            await any_of(self._woken, self._stopping, seconds=pause)
            if self._is_long:
                # A storm of webhooks wakes us for each of them, and all that waits is read each time.
                await any_of(self._stopping, seconds=FULL_PAUSE)

    async def _dispatch(self) -> float:
        """Make jobs for what is due; give the seconds until the next look."""
        if self._key_health.error is not None:
            return self._poll_every
        try:
            await self._give_back_stalled()
            due = await self._make_jobs()
            await self._trimmer.trim(due.now)
        except DatabaseError as error:
            self._database_health.report_failure("workers", error)
            return self._database_pause
        self._database_health.report_success("workers")
        return due.pause(self._poll_every)

    async def _give_back_stalled(self) -> None:
        """Let others have the jobs of workers that were killed, if it is time to look for them."""
        now = asyncio.get_running_loop().time()
        if now - self._looked_at >= self._poll_every / 2:
            await self._queue.give_back_stalled(self._silent_for)
            self._looked_at = now

    async def _make_jobs(self) -> Due:
        while True:
            waiting = await self._queue.waiting()
            # So many that new ones are among them, however many wait already.
            limit = len(waiting) + CANDIDATES
            due = await self._context.database.ask(
                lambda connection: read_due(connection, self._context, limit)  # noqa: B023
            )
            self._is_long = len(waiting) > CANDIDATES
            plan = plan_jobs(due.streams, waiting)
            is_done = await self._queue.carry_out(plan)
            # Else another service made some of these jobs at the same time, or there are more to be made.
            if self._stopping.is_set() or (is_done and len(plan.made) < CANDIDATES):
                return due
