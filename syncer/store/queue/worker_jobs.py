"""Manager of Procrastinate's jobs that bears a database that is away for a while."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager

from syncer.domain.errors import DatabaseError
from syncer.store.queue.connector import DatabaseConnector

#: What the library's functions raise where a job is not there any more, or in another state.
_RAISED = "P0001"
_LONG_SINCE = datetime.fromtimestamp(0, UTC)
#: As the library tells of a new job: of one that goes back it tells nobody.
_TELL = """
    SELECT pg_notify(
        'procrastinate_queue_v1#' || queue_name, json_build_object('type', 'job_inserted', 'job_id', id)::text
    )
    FROM procrastinate_jobs WHERE id = %(job_id)s AND status = 'todo'
"""


class WorkerJobs(JobManager):
    """Jobs for a worker of the library.

    The library's worker ends, or leaves a job locked for ever, where the database fails it. queues: those to
    take the next job from, none without any; None: as the worker says. on_failure and on_success: told how
    that went.
    """

    connector: DatabaseConnector

    def __init__(
        self,
        connector: DatabaseConnector,
        *,
        queues: Callable[[], Sequence[str]] | None = None,
        on_failure: Callable[[DatabaseError], None] = lambda _: None,
        on_success: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(connector)
        self._queues = queues
        self._on_failure = on_failure
        self._on_success = on_success
        #: Jobs that were taken and have not ended.
        self.held: set[int] = set()
        #: Jobs that have ended while the database was away.
        self._ended: set[int] = set()

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """Take the next job; None where there is none, no place for one, or no database."""
        chosen = self._queues() if self._queues is not None else queues
        if chosen is not None and not chosen:
            return None
        calls = self.connector.calls
        try:
            for job_id in list(self._ended):
                await self._drop(job_id)
                self._ended.discard(job_id)
            job = await super().fetch_job(None if chosen is None else list(chosen), worker_id)
        except DatabaseError as error:
            self._on_failure(error)
            return None
        self._on_success()
        if job is not None and job.id is not None:
            self.held.add(job.id)
        elif self.connector.calls != calls:
            # The library forgets what it was told while it looked: it is told once more, when it has done so.
            self.connector.wake()
        return job

    async def finish_job_by_id_async(self, job_id: int, status: Status, delete_job: bool) -> None:
        """Take a job that has ended out of the queue, later where the database is away."""
        self.held.discard(job_id)
        try:
            await self._drop(job_id)
        except DatabaseError:
            self._ended.add(job_id)
        # Another job of its stream may wait for that.
        self.connector.wake()

    async def retry_job_by_id_async(
        self,
        job_id: int,
        retry_at: datetime,
        priority: int | None = None,
        queue: str | None = None,
        lock: str | None = None,
    ) -> None:
        """Give a job back and tell workers of it, or drop it where another one of its stream waits by now."""
        self.held.discard(job_id)
        try:
            # Long since: the library's time is its host's, whose clock may be ahead of the database's.
            await super().retry_job_by_id_async(job_id, _LONG_SINCE, priority, queue, lock)
        except UniqueViolation:
            await self.finish_job_by_id_async(job_id, Status.FAILED, True)
        except DatabaseError as error:
            if not _is_gone(error):
                self._ended.add(job_id)
        else:
            with suppress(DatabaseError):
                await self.connector.execute_query_async(_TELL, job_id=job_id)

    async def update_heartbeat(self, worker_id: int) -> None:
        """Say that the worker lives, where the database takes it."""
        try:
            await super().update_heartbeat(worker_id)
        except DatabaseError as error:
            self._on_failure(error)

    async def list_jobs_to_abort_async(self, queue: str | None = None) -> Iterable[int]:
        """Name the jobs that somebody wants to be aborted: nobody does."""
        return ()

    async def _drop(self, job_id: int) -> None:
        try:
            await super().finish_job_by_id_async(job_id, Status.SUCCEEDED, True)
        except DatabaseError as error:
            if not _is_gone(error):
                raise


def _is_gone(error: DatabaseError) -> bool:
    """Tell whether it is the job that is not there any more."""
    return getattr(getattr(error.__cause__, "orig", None), "sqlstate", None) == _RAISED
