"""Claims what is due and runs it: so many streams at once, turn by turn over the integrations."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from syncer.daemon.database_health import Availability
from syncer.daemon.waiting import any_of
from syncer.domain.errors import DatabaseError, LeaseLost
from syncer.domain.scheduling.fairness import next_stream, run_to_preempt, sort_due
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.stream import Mode
from syncer.store.state.runs import forget_old_runs
from syncer.sync.context import Progress, SyncContext
from syncer.sync.integrations import Integrations
from syncer.sync.run import run_stream
from syncer.sync.sources.lookup import is_known

log = structlog.get_logger("syncer")

#: Seconds after which the database is looked at even if nothing woke us: another process may have made
#: streams due, or died with a lease.
LOOK_AGAIN = 15.0
#: Seconds to leave the database alone after it could not be used; doubled while that lasts, so many times.
DATABASE_PAUSE = 5.0
DOUBLED = 3
#: Seconds for which a run keeps its place although an integration waits that has no run at all.
TURN = 30.0
#: Seconds that runs get to finish their page when the service stops; then they are cancelled.
GRACE = 5.0
#: Due streams that are considered at a time.
CANDIDATES = 500
#: How often the log of runs is trimmed.
TRIM_EVERY = timedelta(hours=6)


class Workers:
    """The runs of the service. stopping: set once, to end; a failure sets it, too. Other times in seconds."""

    def __init__(
        self,
        context: SyncContext,
        integrations: Integrations,
        concurrency: int,
        stopping: asyncio.Event,
        *,
        availability: Availability | None = None,
        look_again: float = LOOK_AGAIN,
        database_pause: float = DATABASE_PAUSE,
        turn: float = TURN,
    ) -> None:
        self._context = replace(
            context,
            # A lease of ours that no run of ours has was left behind when the database went away.
            is_dead=lambda owner: owner == context.owner or context.is_dead(owner),
            report=self._reported,
        )
        self._report = context.report
        self._integrations = integrations
        self._concurrency = concurrency
        self._stopping = stopping
        self._look_again = look_again
        self._database_pause = database_pause
        self._turn = turn
        self._woken = asyncio.Event()
        #: The runs in the order of their beginning, with its time by the event loop.
        self._running: dict[StreamKey, tuple[asyncio.Task[None], float]] = {}
        self._yielding: set[StreamKey] = set()
        #: When each integration last had a turn: the number of its run among all.
        self._turns: dict[str, int] = {}
        self._failure: Exception | None = None
        self._availability = availability or Availability()
        self._availability.when_back(self._database_is_back)
        #: By the event loop's time.
        self._database_again_at = 0.0
        #: Streams that have met the trouble, times in a row that it was met, and runs that were to find out.
        self._failed: set[StreamKey] = set()
        self._refusals = 0
        self._probes = 0
        self._trimmed_at: datetime | None = None

    def wake(self) -> None:
        """Look for due streams now."""
        self._woken.set()

    async def run(self) -> None:
        """Work until told to stop. Raises what no run may survive: KeyRefused, and faults of ours."""
        try:
            while not self._stopping.is_set():
                self._woken.clear()
                pause = await self._start_due()
                await any_of(self._woken, self._stopping, seconds=pause)
        finally:
            await self._finish()
        if self._failure is not None:
            raise self._failure

    async def _start_due(self) -> float:
        """Start what is due as far as there are places; gives the seconds until the next look."""
        pause = self._database_again_at - self._now()
        if pause > 0:
            return pause
        # What is running while the database is read may look due: its lease is ours.
        running = set(self._running)
        try:
            now, due, following = await self._context.database.ask(self._look)
            await self._trim(now)
        except DatabaseError as error:
            self._database_failed("looking", error)
            return self._database_again_at - self._now()
        self._availability.works("looking")
        # Somebody else has them now, or they are not mirrored any more.
        for key in self._failed.difference(due, running, self._running):
            self._database_works(key)
        waiting = {key: rank for key, rank in due.items() if key not in running and key not in self._running}
        self._start(waiting)
        if self._availability.error is not None:
            return self._database_pause
        if following is None:
            return self._look_again
        return min(max((following - now).total_seconds(), 0.05), self._look_again)

    def _look(self, connection: Connection) -> tuple[datetime, dict[StreamKey, int], datetime | None]:
        context = self._context
        now = context.database.now(connection)
        due = context.streams.due(connection, now, context.is_dead, CANDIDATES)
        due = {key: rank for key, rank in due.items() if is_known(context, key)}
        return now, due, context.streams.next_due(connection, after=now)

    async def _trim(self, now: datetime) -> None:
        if self._trimmed_at is None or now - self._trimmed_at > TRIM_EVERY:
            await self._context.database.write(lambda connection: forget_old_runs(connection, now))
            self._trimmed_at = now

    def _start(self, due: Mapping[StreamKey, int]) -> None:
        places = self._concurrency
        if self._availability.error is not None:
            # That the database answers does not say that it takes writes: one run finds out. It is one that
            # has met the trouble, every other time: there may be streams that alone are not well.
            places = len(self._running) + 1
            self._probes += 1
            due = (self._probes % 2 and {key: due[key] for key in due if key in self._failed}) or due
        while len(self._running) < min(places, self._concurrency):
            key = next_stream(sort_due(due, self._turns), self._running)
            if key is None:
                return
            self._turns[key.integration_id] = max(self._turns.values(), default=0) + 1
            self._running[key] = (asyncio.create_task(self._work(key)), self._now())
        if len(self._running) == self._concurrency:
            self._make_room([key for key in due if key not in self._running])

    def _make_room(self, waiting: Sequence[StreamKey]) -> None:
        """All places are taken: a run gives its place up where an integration waits that has none.

        One of the integration that has most, or else the one that has had its place for longest.
        """
        at_work = {integration for integration, _ in self._running}
        without = {integration for integration, _ in waiting} - at_work
        steady = [key for key in self._running if key not in self._yielding]
        if not steady or len(self._yielding) >= len(without):
            return
        key = run_to_preempt(waiting, steady)
        if key is None and self._now() - self._running[steady[0]][1] >= self._turn:
            key = steady[0]
        if key is not None:
            self._yielding.add(key)

    async def _work(self, key: StreamKey) -> None:
        context = replace(self._context, stopping=lambda: self._context.stopping() or key in self._yielding)
        try:
            await run_stream(context, self._integrations, key, mode=Mode.SYNC)
        except DatabaseError as error:
            self._failed.add(key)
            self._database_failed(key, error)
        except LeaseLost:
            # Whoever has the stream now says how that ends.
            self._database_works(key)
        except Exception as error:
            self._failure = self._failure or error
            self._stopping.set()
        finally:
            del self._running[key]
            self._yielding.discard(key)
            self.wake()

    async def _finish(self) -> None:
        """Let the runs finish their page, then cancel those that wait for something longer."""
        tasks = [task for task, _ in self._running.values()]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=GRACE)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _reported(self, step: Progress) -> None:
        if step.step in {"page", "ended"}:
            self._database_works(step.key)
        self._report(step)

    def _database_failed(self, side: Hashable, error: DatabaseError) -> None:
        """Tell that the database is away, and leave it alone for a while."""
        self._availability.failed(side, error)
        # What was under way together fails together.
        if self._now() >= self._database_again_at:
            pause = self._database_pause * 2 ** min(self._refusals, DOUBLED)
            self._database_again_at = self._now() + pause
            self._refusals += 1

    def _database_works(self, key: StreamKey) -> None:
        """Tell that a stream has got through that had met the trouble, and let the next one try."""
        if key in self._failed:
            self._failed.discard(key)
            self._availability.works(key)
            self.wake()

    def _database_is_back(self) -> None:
        self._database_again_at, self._refusals = 0.0, 0
        self.wake()

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
