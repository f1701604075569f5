"""Runs of one environment in this process: how many there may be, which give up their place, how they end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from functools import partial

from msgspec.structs import replace
from sqlalchemy import Connection

from syncer.daemon.database_health import DATABASE_PAUSE, DatabaseHealth
from syncer.daemon.due import without_left_out
from syncer.daemon.key_health import KeyHealth
from syncer.domain.errors import DatabaseError, KeyRefused, LeaseLost
from syncer.domain.ratelimit.budget import TOLD
from syncer.domain.scheduling.fairness import run_to_preempt
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.stream import Mode
from syncer.sync.claims import claim_due
from syncer.sync.context import Progress, Result, SyncContext
from syncer.sync.integrations import Integrations
from syncer.sync.run import run_claimed
from syncer.sync.run_context import RunContext

#: So many times the pause is doubled while the database cannot be used.
MAX_DOUBLINGS = 3
#: Seconds for which a run keeps its place although an integration waits that has no run at all.
TIME_SLICE = 30.0
#: Seconds that runs get to finish their page when the process stops; then they are cancelled.
GRACE = 5.0
#: Places beside those for all runs, for what webhooks have told of alone: runs of the schedule keep theirs
#: while they wait for the request limit.
WEBHOOK_PLACES = 2


class Runs:
    """Runs that are under way, whoever chooses their streams. stopping: set to end, also by a fault of ours.

    on_change: called when a run has ended, and when there may be more places than before. on_run: told of the
    result of each run, and how long it took. Times in seconds.
    """

    def __init__(
        self,
        context: SyncContext,
        integrations: Integrations,
        concurrency: int,
        stopping: asyncio.Event,
        *,
        on_change: Callable[[], None],
        database_health: DatabaseHealth | None = None,
        key_health: KeyHealth | None = None,
        database_pause: float = DATABASE_PAUSE,
        time_slice: float = TIME_SLICE,
        grace: float = GRACE,
        on_run: Callable[[Result, float], None] = lambda _, __: None,
    ) -> None:
        self.context = replace(
            context,
            # A lease of ours that no run of ours has was left behind when the database went away.
            is_dead=lambda owner: owner == context.owner or context.is_dead(owner),
            report=self._on_progress,
        )
        self.concurrency = concurrency
        self.grace = grace
        self.database_health = database_health or DatabaseHealth()
        self.database_health.on_recovery(self._on_recovery)
        self.key_health = key_health or KeyHealth()
        self.key_health.on_recovery(on_change)
        self.failure: Exception | None = None
        #: Seconds between two probes of a database that may take no writes.
        self.probe_pause = database_pause
        #: Streams that met a failure of the database.
        self.failed: set[StreamKey] = set()
        self._report = context.report
        self._integrations = integrations
        self._stopping = stopping
        self._time_slice = time_slice
        self._on_run = on_run
        self._on_change = on_change
        #: The runs in the order of their start, with its time by the event loop.
        self._running: dict[StreamKey, tuple[asyncio.Task[Result | None], float]] = {}
        self._yielding: set[StreamKey] = set()
        #: The ranks with which they were due.
        self._ranks: dict[StreamKey, int] = {}
        #: By the event loop's time.
        self._retry_database_at = 0.0
        #: Pauses in a row because of the database.
        self._backoffs = 0

    @property
    def running(self) -> Collection[StreamKey]:
        """Streams that are worked on."""
        return self._running.keys()

    @property
    def database_pause(self) -> float:
        """Seconds for which the database is still left alone."""
        return max(self._retry_database_at - self._now(), 0.0)

    def places(self) -> int:
        """Count the runs that may be under way, but for those of what webhooks have told of."""
        reachability = self.context.client.reachability
        if self.key_health.error is not None:
            return 0
        if reachability.error is not None:
            # Nobody gets through: one run probes it, when it is time.
            return 0 if reachability.probe_in > 0 else 1
        return self.concurrency

    def places_for_news(self) -> int:
        """Count the runs that may be under way where webhooks have told of the next one."""
        troubles = self.context.client.reachability.error, self.database_health.error, self.key_health.error
        return 0 if any(troubles) else self.concurrency + WEBHOOK_PLACES

    async def claim(
        self, keys: Sequence[StreamKey], most: int, *, waits: bool = False
    ) -> list[RunContext] | None:
        """Claim the first of these streams that are still due, so many at most: their runs start at once.

        None where that fails, of which is told as of failed runs. waits: for others who have its row; else
        such a stream is passed over.
        """
        try:
            return await self.context.database.write(partial(self._claim, keys=keys, most=most, waits=waits))
        except DatabaseError as error:
            for key in keys[:most]:
                self._met_failure(key, error)
        except Exception as error:
            self._fail(error)
        return None

    def start(self, run: RunContext, rank: int) -> asyncio.Task[Result | None]:
        """Start a run that was claimed; rank: of the purpose that the stream is due for.

        Its task raises nothing, and gives no result where what went wrong is no outcome of the stream's.
        """
        self._ranks[run.key] = rank
        task = asyncio.create_task(self._run(run))
        self._running[run.key] = (task, self._now())
        return task

    def preempt(self, waiting: Mapping[StreamKey, int]) -> None:
        """Have runs give up their places for what waits, where all places are taken.

        waiting: streams and the ranks of their purposes, the most urgent first.
        """
        if len(self._running) >= self.concurrency:
            others = {key: rank for key, rank in waiting.items() if key not in self._running}
            self._preempt_for_news(others.values())
            self._preempt(list(others))

    async def drain(self) -> None:
        """Let the runs finish their page, and cancel those that wait for something longer."""
        tasks = [task for task, _ in self._running.values()]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=self.grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def database_failed(self, part: Hashable, error: DatabaseError) -> None:
        """Report that the database cannot be used, and leave it alone for a while."""
        self.database_health.report_failure(part, error)
        # What was under way together fails together.
        if self._now() >= self._retry_database_at:
            pause = self.probe_pause * 2 ** min(self._backoffs, MAX_DOUBLINGS)
            self._retry_database_at = self._now() + pause
            self._backoffs += 1

    def settle(self, due: Collection[StreamKey]) -> None:
        """Note of streams that met a failure, and are not due, that somebody else has them now."""
        for key in self.failed.difference(due, self._running):
            self._database_works(key)

    def _preempt_for_news(self, waiting: Collection[int]) -> None:
        """Have as many runs give up their places as streams wait that webhooks have told of.

        waiting: their ranks. Not runs for news themselves, unless they take long, as first loads do. Each has
        stored a page then, and goes on once there is a place again.
        """
        long_since = self._now() - self._time_slice
        for key, (_, started) in self._running.items():
            if len(self._yielding) >= sum(rank in TOLD for rank in waiting):
                return
            if self._ranks[key] not in TOLD or started < long_since:
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

    def _claim(
        self, connection: Connection, keys: Sequence[StreamKey], most: int, waits: bool
    ) -> list[RunContext]:
        ours = without_left_out(connection, self.context, keys)
        return claim_due(
            connection, self.context, self._context_of, self._integrations, ours, most, waits=waits
        )

    def _context_of(self, key: StreamKey) -> SyncContext:
        return replace(self.context, stopping=lambda: self.context.stopping() or key in self._yielding)

    async def _run(self, run: RunContext) -> Result | None:
        key = run.key
        try:
            began = self._now()
            result = await run_claimed(run, mode=Mode.SYNC)
            self._on_run(result, self._now() - began)
            return result
        except DatabaseError as error:
            self._met_failure(key, error)
        except KeyRefused as error:
            self.key_health.report_refusal(error)
        except LeaseLost:
            # Its new owner reports how that ends.
            self._database_works(key)
        except Exception as error:
            self._fail(error)
        finally:
            del self._running[key], self._ranks[key]
            self._yielding.discard(key)
            self._on_change()
        return None

    def _met_failure(self, key: StreamKey, error: DatabaseError) -> None:
        self.failed.add(key)
        self.database_failed(key, error)

    def _fail(self, error: Exception) -> None:
        self.failure = self.failure or error
        self._stopping.set()

    def _on_progress(self, step: Progress) -> None:
        if step.step in {"page", "ended"}:
            self._database_works(step.key)
        self._report(step)

    def _database_works(self, key: StreamKey) -> None:
        """Report that a stream got through that had met the failure, and let the next one try."""
        if key in self.failed:
            self.failed.discard(key)
            self.database_health.report_success(key)
            self._on_change()

    def _on_recovery(self) -> None:
        self._retry_database_at, self._backoffs = 0.0, 0
        self._on_change()

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
