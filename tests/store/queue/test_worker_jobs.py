"""Jobs for a worker of the library: it takes each as soon as it is told of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from procrastinate import App

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
