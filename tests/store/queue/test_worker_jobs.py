"""Jobs for a worker of the library: it takes each as soon as it is told of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from procrastinate import App
from procrastinate.jobs import Job

from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.scheduling.jobs import JobPlan
from syncer.domain.stream_key import StreamKey
from syncer.store.db.database import Database
from syncer.store.queue.connector import DatabaseConnector
from syncer.store.queue.job_queue import TASK, JobQueue
from syncer.store.queue.schema import make_queue
from syncer.store.queue.worker_jobs import WorkerJobs
from tests.support.waiting import until_async

#: Seconds between two looks that nobody calls for.
NEVER = 3600.0
KEY = StreamKey("personio:1", "hris_groups")


class HeldConnector(DatabaseConnector):
    """Connector by which the answer to a look for a job stays away until it is let go."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, sleep=asyncio.sleep)
        self.has_looked, self.is_let_go = asyncio.Event(), asyncio.Event()

    async def execute_query_one_async(self, query: str, **arguments: Any) -> dict[str, Any]:
        row = await super().execute_query_one_async(query, **arguments)
        if "fetch_job" in query:
            self.has_looked.set()
            await self.is_let_go.wait()
        return row


class WatchedJobs(WorkerJobs):
    """Jobs of a worker. looked_at: the call after which it has looked for one last."""

    looked_at = -1

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        calls = self.connector.calls
        job = await super().fetch_job(queues, worker_id)
        self.looked_at = calls
        return job


@pytest.fixture
def queue(postgres_url: str) -> Iterator[Database]:
    """An empty queue."""
    with closing(Database(postgres_url, schema="procrastinate")) as queue:
        with closing(Database(postgres_url)) as mirror:
            make_queue(queue, mirror)
        yield queue


async def test_a_job_that_comes_while_the_worker_looks_for_one_is_taken_at_once(queue: Database) -> None:
    jobs, connector = JobQueue(queue, "default"), HeldConnector(queue)
    app, taken = App(connector=connector), list[str]()
    app.job_manager = WorkerJobs(connector)

    @app.task(name=TASK)
    async def take(integration_id: str, model: str) -> None:
        taken.append(model)

    working = asyncio.create_task(
        app.run_worker_async(
            queues=[jobs.names.told, jobs.names.regular],
            fetch_job_polling_interval=NEVER,
            install_signal_handlers=False,
        )
    )
    try:
        await connector.has_looked.wait()
        # The first call is that it listens.
        await until_async(lambda: connector.calls == 1, "listening")
        await jobs.carry_out(JobPlan({KEY: int(Purpose.INCREMENTAL)}, {}))
        await until_async(lambda: connector.calls == 2, "the call")
        connector.is_let_go.set()
        await until_async(lambda: taken == [KEY.model], "the job")
    finally:
        connector.is_let_go.set()
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


@pytest.mark.parametrize("clock", [timedelta(0), timedelta(hours=3)], ids=["right", "ahead"])
async def test_a_job_that_is_given_back_is_taken_by_another_worker_at_once(
    queue: Database, clock: timedelta
) -> None:
    jobs, taken = JobQueue(queue, "default"), list[str]()
    await jobs.carry_out(JobPlan({KEY: int(Purpose.INCREMENTAL)}, {}))
    first = WorkerJobs(DatabaseConnector(queue))
    names = [jobs.names.told, jobs.names.regular]
    held = await first.fetch_job(names, await first.register_worker())
    assert held is not None

    connector = DatabaseConnector(queue, sleep=asyncio.sleep)
    app = App(connector=connector)
    app.job_manager = second = WatchedJobs(connector)

    @app.task(name=TASK)
    async def take(integration_id: str, model: str) -> None:
        taken.append(model)

    working = asyncio.create_task(
        app.run_worker_async(queues=names, fetch_job_polling_interval=NEVER, install_signal_handlers=False)
    )
    try:
        # The first call is that it listens, after which it has looked and found nothing.
        await until_async(lambda: 1 <= connector.calls == second.looked_at, "its rest")
        await first.retry_job(held, datetime.now(UTC) + clock)
        await until_async(lambda: taken == [KEY.model], "the job")
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
