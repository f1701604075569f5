"""Worker pool of the service: claim due streams and run them, round-robin over the integrations."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from syncer.daemon.database_health import DATABASE_PAUSE, DatabaseHealth
from syncer.daemon.key_health import KeyHealth
from syncer.daemon.waiting import any_of
from syncer.domain.clocks import TOLERANCE, distrust_future
from syncer.domain.errors import DatabaseError, KeyRefused, LeaseLost
from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.scheduling.fairness import next_stream, run_to_preempt, sort_due
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.stream import Mode
from syncer.store.state.runs import forget_old_runs
from syncer.store.state.webhook_events import WebhookEventStore
from syncer.sync.context import Progress, Result, SyncContext
from syncer.sync.integrations import Integrations
from syncer.sync.newer_version import left_to_newer
from syncer.sync.run import run_stream
from syncer.sync.sources.lookup import is_known

log = structlog.get_logger("syncer")

#: Seconds between two polls of the database where nothing wakes us: another process may have made streams
#: due, or died with a lease.
POLL_EVERY = 15.0
#: So many times the pause is doubled while the database cannot be used.
MAX_DOUBLINGS = 3
#: Seconds for which a run keeps its place although an integration waits that has no run at all.
TIME_SLICE = 30.0
#: Seconds that runs get to finish their page when the service stops; then they are cancelled.
GRACE = 5.0
#: Due streams that are considered at a time.
CANDIDATES = 500
#: Places beside those for all runs, for what webhooks have told of alone: runs of the schedule keep theirs
#: while they wait for the request limit.
WEBHOOK_PLACES = 2
#: Seconds between two looks at what is due while no place is free: one can only have a run give up its own.
FULL_PAUSE = 0.25
#: How often the logs of runs and events are trimmed.
TRIM_EVERY = timedelta(hours=6)


class Workers:
    """Runs of the service. stopping: set once, to end; a failure sets it, too. Times in seconds.

    on_run: told of the result of each run, and how long it took.
    """

    def __init__(
        self,
        context: SyncContext,
        integrations: Integrations,
        concurrency: int,
        stopping: asyncio.Event,
        *,
        database_health: DatabaseHealth | None = None,
        key_health: KeyHealth | None = None,
        poll_every: float = POLL_EVERY,
        database_pause: float = DATABASE_PAUSE,
        time_slice: float = TIME_SLICE,
        grace: float = GRACE,
        on_run: Callable[[Result, float], None] = lambda _, __: None,
    ) -> None:
        self._context = replace(
            context,
            # A lease of ours that no run of ours has was left behind when the database went away.
            is_dead=lambda owner: owner == context.owner or context.is_dead(owner),
            report=self._on_progress,
        )
        self._report = context.report
        self._integrations = integrations
        self._concurrency = concurrency
        self._stopping = stopping
        self._poll_every = poll_every
        self._database_pause = database_pause
        self._time_slice = time_slice
        self._grace = grace
        self._woken, self._freed = asyncio.Event(), asyncio.Event()
        self._on_run = on_run
        #: The runs in the order of their start, with its time by the event loop.
        self._running: dict[StreamKey, tuple[asyncio.Task[None], float]] = {}
        self._yielding: set[StreamKey] = set()
        #: The ranks with which they were due.
        self._ranks: dict[StreamKey, int] = {}
        #: Number of each integration's latest run among all.
        self._last_turns: dict[str, int] = {}
        self._failure: Exception | None = None
        self._database_health = database_health or DatabaseHealth()
        self._database_health.on_recovery(self._on_recovery)
        self._key_health = key_health or KeyHealth()
        self._key_health.on_recovery(self.wake)
        #: By the event loop's time.
        self._retry_database_at = 0.0
        #: Streams that met the failure, pauses in a row because of it, and rounds with a single run as probe.
        self._failed: set[StreamKey] = set()
        self._backoffs = 0
        self._probes = 0
        self._trimmed_at: datetime | None = None

    def wake(self) -> None:
        """Read what is due now, without waiting for the next poll."""
        self._woken.set()

    async def run(self) -> None:
        """Run due streams until stopping is set, and none while the key is refused. Raises faults of ours."""
        try:
            while not self._stopping.is_set():
                self._woken.clear()
                self._freed.clear()
                pause = await self._start_due()
                await any_of(self._woken, self._stopping, seconds=pause)
                if len(self._running) >= self._concurrency + WEBHOOK_PLACES:
                    # A storm of webhooks wakes us for each of them.
                    await any_of(self._freed, self._stopping, seconds=FULL_PAUSE)
        finally:
            await self._drain()
        if self._failure is not None:
            raise self._failure

    async def _start_due(self) -> float:
        """Start what is due as far as there are places; gives the seconds until the next poll."""
        if self._key_health.error is not None:
            return self._poll_every
        pause = self._retry_database_at - self._now()
        if pause > 0:
            return pause
        # What is running while the database is read may look due: its lease is ours.
        running = set(self._running)
        try:
            now, due, following = await self._context.database.ask(self._read_due)
            await self._trim_run_log(now)
        except DatabaseError as error:
            self._database_failed("workers", error)
            return self._retry_database_at - self._now()
        self._database_health.report_success("workers")
        # Somebody else has them now, or they are not mirrored any more.
        for key in self._failed.difference(due, running, self._running):
            self._database_works(key)
        waiting = {key: rank for key, rank in due.items() if key not in running and key not in self._running}
        self._start(waiting)
        if self._database_health.error is not None:
            return self._database_pause
        if self._context.client.reachability.error is not None:
            return min(self._context.client.reachability.probe_in or self._poll_every, self._poll_every)
        if following is None:
            return self._poll_every
        return min(max((following - now).total_seconds(), 0.05), self._poll_every)

    def _read_due(self, connection: Connection) -> tuple[datetime, dict[StreamKey, int], datetime | None]:
        """Read the database's time, what is due by rank, and when the next stream becomes due."""
        context = self._context
        now = context.database.now(connection)
        left = left_to_newer(connection, context)
        due = context.streams.due(connection, now, context.is_dead, CANDIDATES, without=left)
        due = {key: rank for key, rank in due.items() if is_known(context, key)}
        return now, due, context.streams.next_due(connection, after=now)

    async def _trim_run_log(self, now: datetime) -> None:
        trimmed_at = distrust_future(self._trimmed_at, now, TOLERANCE)
        if trimmed_at is None or now - trimmed_at > TRIM_EVERY:
            await self._context.database.write(lambda connection: forget_old_runs(connection, now))
            events = WebhookEventStore(self._context.streams.environment)
            while await self._context.database.write(lambda connection: events.forget_old(connection, now)):
                pass
            self._trimmed_at = now

    def _start(self, due: Mapping[StreamKey, int]) -> None:
        places = self._concurrency
        reachability = self._context.client.reachability
        if reachability.error is not None:
            # Nobody gets through: one run probes it, when it is time.
            places = 0 if reachability.probe_in > 0 else 1
        if self._database_health.error is not None:
            # That the database answers does not prove that it takes writes: one run probes it. Every other
            # time it is one that met the failure: some streams may fail alone.
            places = min(places, len(self._running) + 1)
            self._probes += 1
            due = (self._probes % 2 and {key: due[key] for key in due if key in self._failed}) or due
        self._fill(due, min(places, self._concurrency))
        if reachability.error is None and self._database_health.error is None:
            told = {key: rank for key, rank in due.items() if rank == Purpose.WEBHOOK}
            self._fill(told, self._concurrency + WEBHOOK_PLACES)
        if len(self._running) >= self._concurrency:
            waiting = {key: rank for key, rank in due.items() if key not in self._running}
            self._preempt_for_news(waiting.values())
            self._preempt(list(waiting))

    def _fill(self, due: Mapping[StreamKey, int], places: int) -> None:
        """Start runs of what is due until so many are under way."""
        while len(self._running) < places:
            key = next_stream(sort_due(due, self._last_turns), self._running)
            if key is None:
                return
            self._last_turns[key.integration_id] = max(self._last_turns.values(), default=0) + 1
            self._ranks[key] = due[key]
            self._running[key] = (asyncio.create_task(self._run(key)), self._now())

    def _preempt_for_news(self, waiting: Collection[int]) -> None:
        """Have as many runs give up their places as streams wait that webhooks have told of.

        waiting: their ranks. Not runs for news themselves, unless they take long, as first loads do. Each has
        stored a page then, and goes on once there is a place again.
        """
        long_since = self._now() - self._time_slice
        for key, (_, started) in self._running.items():
            if len(self._yielding) >= sum(rank == Purpose.WEBHOOK for rank in waiting):
                return
            if self._ranks[key] != Purpose.WEBHOOK or started < long_since:
                self._yielding.add(key)

    def _preempt(self, waiting: Sequence[StreamKey]) -> None:
        """Have a run give up its place where an integration waits that has none, and all places are taken.

        One of the integration that has most, or else the one that has had its place for longest.
        """
        active = {integration for integration, _ in self._running}
        without = {integration for integration, _ in waiting} - active
        steady = [key for key in self._running if key not in self._yielding]
        if not steady or len(self._yielding) >= len(without):
            return
        key = run_to_preempt(waiting, steady)
        if key is None and self._now() - self._running[steady[0]][1] >= self._time_slice:
            key = steady[0]
        if key is not None:
            self._yielding.add(key)

    async def _run(self, key: StreamKey) -> None:
        context = replace(self._context, stopping=lambda: self._context.stopping() or key in self._yielding)
        try:
            began = self._now()
            result = await run_stream(context, self._integrations, key, mode=Mode.SYNC)
            self._on_run(result, self._now() - began)
        except DatabaseError as error:
            self._failed.add(key)
            self._database_failed(key, error)
        except KeyRefused as error:
            self._key_health.report_refusal(error)
        except LeaseLost:
            # Its new owner reports how that ends.
            self._database_works(key)
        except Exception as error:
            self._failure = self._failure or error
            self._stopping.set()
        finally:
            del self._running[key], self._ranks[key]
            self._yielding.discard(key)
            self._freed.set()
            self.wake()

    async def _drain(self) -> None:
        """Let the runs finish their page, and cancel those that wait for something longer."""
        tasks = [task for task, _ in self._running.values()]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=self._grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _on_progress(self, step: Progress) -> None:
        if step.step in {"page", "ended"}:
            self._database_works(step.key)
        self._report(step)

    def _database_failed(self, part: Hashable, error: DatabaseError) -> None:
        """Report that the database cannot be used, and leave it alone for a while."""
        self._database_health.report_failure(part, error)
        # What was under way together fails together.
        if self._now() >= self._retry_database_at:
            pause = self._database_pause * 2 ** min(self._backoffs, MAX_DOUBLINGS)
            self._retry_database_at = self._now() + pause
            self._backoffs += 1

    def _database_works(self, key: StreamKey) -> None:
        """Report that a stream got through that had met the failure, and let the next one try."""
        if key in self._failed:
            self._failed.discard(key)
            self._database_health.report_success(key)
            self.wake()

    def _on_recovery(self) -> None:
        self._retry_database_at, self._backoffs = 0.0, 0
        self.wake()

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
