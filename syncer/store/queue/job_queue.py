"""Queues of one environment for the scheduler: which jobs wait, new ones, and those of killed workers."""

from __future__ import annotations

from datetime import timedelta

from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.jobs import Job
from sqlalchemy import Connection, text

from syncer.domain.scheduling.jobs import JobPlan, WaitingJob, job_lock, queue_names
from syncer.domain.stream_key import StreamKey
from syncer.store.db.database import Database
from syncer.store.queue.connector import DatabaseConnector
from syncer.store.queue.worker_jobs import WorkerJobs

#: Task that every job is of.
TASK = "run_stream"
#: Jobs that one statement makes.
AT_ONCE = 500

_WAITING = text("""
    SELECT id, args ->> 'integration_id', args ->> 'model', priority FROM procrastinate_jobs
    WHERE queue_name = ANY(:queues) AND status = 'todo' ORDER BY priority DESC, id LIMIT :limit
""")


class JobQueue:
    """Queues of one environment of a mirror; database: whose schema has the library's tables."""

    def __init__(self, database: Database, environment: str) -> None:
        assert database.schema is not None
        self.names = queue_names(database.schema, environment)
        self._environment = environment
        self._database = database
        self._manager = WorkerJobs(DatabaseConnector(database))

    async def waiting(self, limit: int | None = None) -> dict[StreamKey, WaitingJob]:
        """Read the jobs that nobody has taken yet, in their order. Raises DatabaseError."""

        def read(connection: Connection) -> dict[StreamKey, WaitingJob]:
            queues = [self.names.told, self.names.regular]
            found = connection.execute(_WAITING, {"queues": queues, "limit": limit})
            return {StreamKey(row[1], row[2]): WaitingJob(row[0], -row[3]) for row in found}

        return await self._database.ask(read)

    async def carry_out(self, plan: JobPlan) -> bool:
        """Make the jobs of a plan; False where another scheduler has made some of them: plan anew.

        Raises DatabaseError.
        """
        for job_id in plan.outranked.values():
            # One that a worker has taken by now is at work for the same stream.
            await self._manager.cancel_job_by_id_async(job_id, delete_job=True)
        jobs = [self._job(key, rank) for key, rank in plan.made.items()]
        for begin in range(0, len(jobs), AT_ONCE):
            try:
                await self._manager.batch_defer_jobs_async(jobs[begin : begin + AT_ONCE])
            except AlreadyEnqueued:
                return False
        return True

    async def give_back_stalled(self, silent_for: timedelta) -> int:
        """Let others take the jobs of workers that say nothing any more; give how many there were.

        Raises DatabaseError.
        """
        jobs: list[Job] = []
        for queue in (self.names.told, self.names.regular):
            jobs += await self._manager.get_stalled_jobs(
                queue=queue, seconds_since_heartbeat=silent_for.total_seconds()
            )
        for each in jobs:
            await self._manager.retry_job(each)
        return len(jobs)

    def _job(self, key: StreamKey, rank: int) -> Job:
        lock = job_lock(self._environment, key)
        return Job(
            queue=self.names.of(rank),
            task_name=TASK,
            priority=-rank,
            lock=lock,
            queueing_lock=lock,
            task_kwargs={"integration_id": key.integration_id, "model": key.model},
        )
