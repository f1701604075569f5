"""Worker of one environment: runs of the streams whose jobs the queue gives it.

The library takes the jobs, in their order and no two of one stream; how a run goes is the same as in a
service that works itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

from procrastinate import App, BaseRetryStrategy, JobContext, RetryDecision
from procrastinate.jobs import Job
from sqlalchemy import Connection

from syncer.daemon.due import without_left_out
from syncer.daemon.runs import WEBHOOK_PLACES, Runs
from syncer.daemon.waiting import any_of
from syncer.domain.errors import DatabaseError
from syncer.domain.scheduling.jobs import QueueNames
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.state import Outcome
from syncer.store.db.database import Database
from syncer.store.db.due_channel import notify_due
from syncer.store.queue.connector import DatabaseConnector
from syncer.store.queue.job_queue import TASK, JobQueue
from syncer.store.queue.worker_jobs import WorkerJobs
from syncer.sync.context import SyncContext
from syncer.sync.integrations import Integrations

#: Seconds between two looks for a job where nobody tells of one, as behind a pooler.
FETCH_EVERY = 5.0
#: Seconds between two looks at what waits while all places are taken.
LOOK_EVERY = 1.0
#: Jobs that are looked at for whom a run may have to give up its place.
LOOKED_AT = 100
#: Age of a worker's last heartbeat at which the library forgets it.
FORGOTTEN_AFTER = timedelta(days=1)


class _Unfinished(Exception):
    """The process stops before the run is through: its job goes back to its place in the queue."""


class _GiveBack(BaseRetryStrategy):
    """Retry strategy by which a job goes back to the queue where the process stops."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """Decide about a job whose task has raised."""
        return RetryDecision() if isinstance(exception, _Unfinished | asyncio.CancelledError) else None


class QueueWorker:
    """Worker of one environment's queues. stopping: set once, to end; a failure sets it, too.

    queue: whose schema has the jobs. fetch_every: in seconds. runs: further arguments of ``Runs``.
    """

    def __init__(
        self,
        context: SyncContext,
        integrations: Integrations,
        concurrency: int,
        stopping: asyncio.Event,
        queue: Database,
        *,
        fetch_every: float = FETCH_EVERY,
        **runs: Any,
    ) -> None:
        self._runs = Runs(context, integrations, concurrency, stopping, on_change=self._on_change, **runs)
        self._stopping = stopping
        # Taken for dead after half a lease, as a dispatcher has it.
        self._beat_every = context.rules.lease / 6
        self._fetch_every = fetch_every
        self._jobs = JobQueue(queue, context.streams.environment)
        self._connector = DatabaseConnector(queue, sleep=context.sleep)
        self._app = App(connector=self._connector)
        self._app.job_manager = self._taken = WorkerJobs(
            self._connector,
            queues=self._open_queues,
            on_failure=lambda error: self._runs.database_failed("workers", error),
            on_success=lambda: self._runs.database_health.report_success("workers"),
        )
        self._app.task(name=TASK, retry=_GiveBack(), pass_context=True)(self._run_stream)
        #: By the event loop's time.
        self._probed_at = 0.0

    async def run(self) -> None:
        """Run what the queue gives until stopping is set. Raises faults of ours."""
        try:
            while not self._stopping.is_set():
                await any_of(self._stopping, seconds=self._runs.database_pause)
                if not self._stopping.is_set():
                    await self._work()
        finally:
            await self._runs.drain()
        if self._runs.failure is not None:
            raise self._runs.failure

    async def _work(self) -> None:
        """Let the library work until stopping is set, or the database fails it."""
        working = asyncio.create_task(
            self._app.run_worker_async(
                queues=list(_all_of(self._jobs.names)),
                concurrency=self._runs.concurrency + WEBHOOK_PLACES,
                fetch_job_polling_interval=self._fetch_every,
                shutdown_graceful_timeout=self._runs.grace,
                delete_jobs="always",
                install_signal_handlers=False,
                update_heartbeat_interval=self._beat_every.total_seconds(),
                stalled_worker_timeout=FORGOTTEN_AFTER.total_seconds(),
            )
        )
        helping = asyncio.create_task(self._look_at_what_waits())
        stop = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait((working, helping, stop), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (helping, stop, working):
                task.cancel()
            ends = await asyncio.gather(working, helping, stop, return_exceptions=True)
        for end in ends:
            if isinstance(end, DatabaseError):
                self._runs.database_failed("workers", end)
            elif isinstance(end, Exception):
                raise end

    def _open_queues(self) -> Sequence[str]:
        """Name the queues that the next job may come from; none while there is no place for one."""
        # Of a job that has just been taken the run has not begun yet.
        runs, names, held = self._runs, self._jobs.names, len(self._taken.held)
        if self._stopping.is_set() or runs.database_pause > 0:
            return ()
        if runs.database_health.error is not None:
            # That the database answers does not prove that it takes writes: one run probes it.
            now = asyncio.get_running_loop().time()
            if now - self._probed_at < runs.probe_pause or held >= runs.places():
                return ()
            self._probed_at = now
            return _all_of(names)
        if held < runs.places():
            return _all_of(names)
        return (names.told,) if held < runs.places_for_news() else ()

    async def _run_stream(self, context: JobContext, integration_id: str, model: str) -> None:
        """Do a job: a run on its stream, if that is still due."""
        key, rank, runs = StreamKey(integration_id, model), -context.job.priority, self._runs
        if key in runs.running:
            return
        if self._stopping.is_set():
            raise _Unfinished
        claimed = await runs.claim([key], 1, waits=True)
        if claimed is None:
            raise _Unfinished
        if not claimed:
            return
        result = await runs.start(claimed[0], rank)
        if result is not None and result.outcome is Outcome.STOPPED:
            if self._stopping.is_set():
                raise _Unfinished
            # It gave up its place, and is due: a new job goes behind the others. Where nobody can be told a
            # scheduler finds it when it looks by itself.
            database = runs.context.database
            with suppress(DatabaseError):
                await database.write(partial(notify_due, database))

    async def _look_at_what_waits(self) -> None:
        """Have runs give up their places for what waits, and settle what failed, until it is cancelled."""
        runs = self._runs
        while True:
            await any_of(self._stopping, seconds=LOOK_EVERY)
            try:
                if len(runs.running) >= runs.concurrency:
                    waiting = await self._jobs.waiting(LOOKED_AT)
                    runs.preempt({key: each.rank for key, each in waiting.items()})
                if runs.failed:
                    runs.settle(await runs.context.database.ask(self._left_due))
            except DatabaseError as error:
                runs.database_failed("workers", error)

    def _left_due(self, connection: Connection) -> set[StreamKey]:
        context, now = self._runs.context, self._runs.context.database.now(connection)
        ours = without_left_out(connection, context, self._runs.failed)
        length, is_dead = context.rules.lease, context.is_dead
        return {key for key in ours if context.streams.is_due(connection, key, now, length, is_dead)}

    def _on_change(self) -> None:
        self._connector.wake()


def _all_of(names: QueueNames) -> tuple[str, str]:
    return names.told, names.regular
