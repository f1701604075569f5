"""Schedule polling with APScheduler: one job per model marks the model's streams due in their rows.

The scheduler holds nothing that a restart could lose: each row says which tick of the schedule last made
its stream due, and a tick marks only those whose time has come since. So a restart runs nothing early, a
service that was down makes up once for what it missed, and several services do not double the work.

Ticks are told apart by the time they were meant for, not by when they got to run: however late one comes, the
next one finds its streams due again.

Ticks are meant for times of the database's clock, which all hosts share: hosts whose clocks are hours apart
mark no stream twice. The scheduler waits by its host's clock, and its times are shifted by the difference.
Where somebody sets one of the clocks, ticks are planned anew.

Where the rate limit does not permit all of it, a tick leaves out streams that change seldom until their
longer interval has passed: ``domain/scheduling/intervals.py`` is the rule, and ``pressure.py`` keeps its
stretch current. It has passed since the last run because of a webhook, too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.events import EVENT_JOB_SUBMITTED, JobSubmissionEvent
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger
from msgspec.structs import replace
from sqlalchemy import Connection

from syncer.daemon.database_health import DatabaseHealth
from syncer.daemon.pressure import LOOK_EVERY, LoadMonitor
from syncer.daemon.ticks import goes_on, is_due, trigger_of
from syncer.daemon.waiting import any_of
from syncer.domain.clocks import TOLERANCE, ClockReading, distrust_future, keep_distance, step_between
from syncer.domain.errors import DatabaseError
from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.scheduling.intervals import is_poll_due
from syncer.domain.stream_key import StreamKey
from syncer.process.log import Logger
from syncer.store.db.database import Database
from syncer.store.state.due import Turn
from syncer.store.state.streams import StreamStore

log = Logger()

#: Seconds between two looks for ticks that the database could not take.
MAKE_UP_EVERY = 5.0
#: Seconds between two comparisons of the clock with the monotonic one.
COMPARE_CLOCKS_EVERY = 5.0


def make_scheduler() -> AsyncIOScheduler:
    """Make a scheduler that coalesces missed ticks to one, however late; by default they are forgotten."""
    return AsyncIOScheduler(
        timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
    )


class Schedule:
    """Scheduler that marks streams due in the database and wakes the workers.

    every: model -> interval or cron expression. clock: this host's time; shared_clock: the time of all hosts,
    which ticks and cron expressions mean; None: the host's. monotonic: elapsed time in seconds. monitor: how
    far intervals are stretched; None: not at all. on_tick: told after each job that it has got through.
    """

    def __init__(
        self,
        database: Database,
        streams: StreamStore,
        every: Mapping[str, timedelta | str],
        *,
        clock: Callable[[], datetime],
        wake: Callable[[], None],
        shared_clock: Callable[[Connection], datetime] | None = None,
        monitor: LoadMonitor | None = None,
        database_health: DatabaseHealth | None = None,
        scheduler: AsyncIOScheduler | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        compare_clocks_every: float = COMPARE_CLOCKS_EVERY,
        on_tick: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._streams = streams
        self._every = every
        self._clock = clock
        self._shared_clock = shared_clock
        #: How far the shared clock is ahead of the host's: as found last, and as the jobs are planned with.
        self._found_ahead = self._ahead = timedelta(0)
        self._monotonic = monotonic
        self._compare_clocks_every = compare_clocks_every
        self._wake = wake
        self._on_tick = on_tick
        self._monitor = monitor
        self._database_health = database_health or DatabaseHealth()
        #: The time that each model's latest tick was meant for.
        self._latest: dict[str, datetime] = {}
        self._missed: set[str] = set()
        self._jobs: set[asyncio.Task[Any]] = set()
        self._failure: Exception | None = None
        self._failed = asyncio.Event()
        self._scheduler = scheduler or make_scheduler()
        # The listener runs before the job begins.
        self._scheduler.add_listener(self._submitted, EVENT_JOB_SUBMITTED)

    async def run(
        self, stopping: asyncio.Event, **besides: tuple[float, Callable[[], Awaitable[None]]]
    ) -> None:
        """Mark what became due while nobody was looking, then tick until told to stop.

        besides: name -> what else is to be done at once and every so many seconds. Raises its errors.
        """
        if self._monitor is not None:
            await self._monitor.look()
            besides["load_monitor"] = (LOOK_EVERY, self._monitor.look)
        besides["make_up"] = (MAKE_UP_EVERY, self.make_up)
        await self._plan(besides, TOLERANCE)
        self._scheduler.start()
        reading = self._reading()
        try:
            while not (stopping.is_set() or self._failed.is_set()):
                await any_of(stopping, self._failed, seconds=self._compare_clocks_every)
                before, reading = reading, self._reading()
                step = step_between(before, reading)
                if step or self._ahead != keep_distance(self._found_ahead, self._ahead):
                    step = step or self._ahead - self._found_ahead
                    log.warning("clock_set", seconds=round(step.total_seconds()))
                    self._scheduler.remove_all_jobs()
                    await self._plan(besides, timedelta(0))
        finally:
            self._scheduler.pause()
            for job in self._jobs:
                job.cancel()
            await asyncio.gather(*self._jobs, return_exceptions=True)
            self._scheduler.shutdown(wait=False)
        if self._failure is not None:
            raise self._failure

    async def _plan(
        self, besides: Mapping[str, tuple[float, Callable[[], Awaitable[None]]]], ahead: timedelta
    ) -> None:
        """Make all jobs, beginning now."""
        await self._compare_clocks()
        await self.catch_up(ahead)
        for name, (seconds, work) in besides.items():
            self._also(name, seconds, work)

    def _reading(self) -> ClockReading:
        return ClockReading(self._clock(), self._monotonic())

    async def _compare_clocks(self) -> None:
        """Find how far the shared clock is ahead; where the database is away it is as found before."""
        with suppress(DatabaseError):
            await self._database.ask(self._read_shared_clock)
        self._ahead = keep_distance(self._found_ahead, self._ahead)

    def _read_shared_clock(self, connection: Connection) -> None:
        if self._shared_clock is not None:
            # Read last: what the database takes to answer is no difference.
            self._found_ahead = self._shared_clock(connection) - self._clock()

    def _now(self) -> datetime:
        return self._clock() + self._ahead

    async def catch_up(self, ahead: timedelta = TOLERANCE) -> None:
        """Tick for each model whose time came while nobody was looking, and plan its ticks from there.

        ahead: how far in the future a tick can be that another service has marked.
        """
        now = self._now()
        for model, every in self._every.items():
            marked, first = await self.tick(model, now, ahead), now
            if isinstance(every, timedelta):
                first = min((goes_on(every, last, now) for last in marked), default=now + every)
                # Streams that come later keep the round of the others.
                self._latest[model] = first - every
            self._scheduler.add_job(
                self._guarded,
                trigger_of(every, first, ahead=self._ahead),
                args=[self.repeat, model],
                id=model,
            )

    async def tick(self, model: str, at: datetime, ahead: timedelta = TOLERANCE) -> list[datetime]:
        """Mark the model's streams that are due by then; gives the last tick of each of its streams.

        Where the database is away the tick is kept, to be made up.
        """
        self._latest[model] = at
        now = max(self._now(), at)

        def mark(connection: Connection) -> list[datetime]:
            self._read_shared_clock(connection)
            turns = self._streams.scheduled(connection, model)
            # Nobody waits for a tick that a wrong clock has marked.
            turns = [
                replace(each, scheduled_at=distrust_future(each.scheduled_at, now, ahead)) for each in turns
            ]
            last = {each.integration_id: each.scheduled_at for each in turns}
            # Most streams of a model had their turn at the same ticks.
            passed = {tick: is_due(self._every[model], tick, at) for tick in set(last.values())}
            due = [
                each.integration_id
                for each in turns
                if passed[each.scheduled_at] and not self._is_left_out(model, each, at)
            ]
            self._streams.mark_due(
                connection,
                [StreamKey(integration, model) for integration in due],
                now=self._database.now(connection),
                purpose=Purpose.INCREMENTAL,
                scheduled_at=at,
            )
            return [tick for tick in {**last, **dict.fromkeys(due, at)}.values() if tick]

        try:
            last = await self._database.write(mark)
        except DatabaseError as error:
            self._database_health.report_failure("schedule", error)
            self._missed.add(model)
            return []
        self._missed.discard(model)
        if not self._missed:
            self._database_health.report_success("schedule")
        if last:
            # Another service may just have marked more of them than it has places for.
            self._wake()
        return last

    def _is_left_out(self, model: str, turn: Turn, at: datetime) -> bool:
        """Tell whether the stream's longer interval has not passed yet."""
        last = turn.scheduled_at
        if self._monitor is None or last is None:
            return False
        if turn.told_until is not None and last < turn.told_until <= at:
            # It was read then because of a webhook, and is polled for what webhooks did not tell of since.
            last = turn.told_until
        bounds, stretch = self._monitor.capacity.bounds[model], self._monitor.stretch
        return not is_poll_due(
            turn.integration_id, bounds, turn.changes_seen.rate, stretch, last.timestamp(), at.timestamp()
        )

    async def repeat(self, model: str) -> None:
        """Repeat the model's latest tick, for streams that it did not reach."""
        await self.tick(model, self._latest[model])

    async def make_up(self) -> None:
        """Repeat the ticks that the database could not take."""
        for model in sorted(self._missed):
            await self.repeat(model)
            if model in self._missed:
                return

    def _also(self, name: str, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        self._scheduler.add_job(
            self._guarded,
            IntervalTrigger(seconds=seconds, timezone=UTC),
            args=[work],
            id=name,
            next_run_time=datetime.now(UTC),
        )

    def _submitted(self, event: JobSubmissionEvent) -> None:
        if event.job_id in self._every:
            self._latest[event.job_id] = event.scheduled_run_times[-1] + self._ahead

    async def _guarded(self, work: Callable[..., Awaitable[None]], *arguments: object) -> None:
        """Run a job and keep its error, which the library would log and forget."""
        job = asyncio.current_task()
        assert job is not None
        self._jobs.add(job)
        try:
            await work(*arguments)
            self._on_tick()
        except Exception as error:
            self._failure = self._failure or error
            self._failed.set()
        finally:
            self._jobs.discard(job)
