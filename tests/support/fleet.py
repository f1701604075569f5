"""Workers and services on one mirror, whose queue is in PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import text

from syncer.app import App
from syncer.daemon.worker_service import run_worker
from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.scheduling.jobs import JobPlan
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.stream import Mode
from syncer.operations.sync import sync
from syncer.store.db.due_channel import notify_due
from syncer.store.queue.job_queue import JobQueue
from tests.support.keys import Keys
from tests.support.running_service import running_service
from tests.support.source import MODELS
from tests.support.webhooks import take

#: Seconds between two looks for a job: so many that each has to be told of.
FETCH_EVERY = 3600.0
JOBS = "SELECT status::text, priority FROM procrastinate.procrastinate_jobs ORDER BY priority DESC, id"


class Fleet(Keys):
    """Sources, and a mirror whose streams workers take from a queue."""

    def tables(self) -> dict[str, Any]:
        return {"workers": {"engine": "procrastinate"}, **super().tables()}

    def jobs(self) -> list[tuple[Any, ...]]:
        """Give the status and priority of each job."""
        return self.mirror.fetch(JOBS)

    def is_complete(self) -> bool:
        """Tell whether all runs on all streams have ended well."""
        streams = sum(len(each.integrations) for each in self.sources.values()) * len(MODELS)
        found = self.mirror.fetch("SELECT state, lease_owner FROM sync_streams")
        return found == [("complete", None)] * streams

    async def load(self) -> None:
        """Read everything once, by a command."""
        async with self.app() as app:
            await sync(app, Mode.BACKFILL)

    def execute(self, statement: str) -> None:
        """Change the database from outside."""
        with self.mirror.open() as (_, connection):
            connection.execute(text(statement))

    async def load_and_forget(self) -> None:
        """Have all streams due that have been read, as if they had not been."""
        await self.load()
        self.execute(
            "UPDATE sync_streams SET complete_at = NULL, state = 'new', due_at = now(), due_purpose = 2"
        )
        self.execute("DELETE FROM sync_runs")

    async def make_jobs(self, app: App, ranks: dict[StreamKey, int]) -> None:
        """Make jobs, as a scheduler does for streams that are due."""
        assert app.queue is not None
        await JobQueue(app.queue, "default").carry_out(JobPlan(ranks, {}))

    def mark(self, app: App, *keys: StreamKey, purpose: Purpose = Purpose.INCREMENTAL) -> None:
        """Make streams due, and tell of it, as another process would."""
        environment = app.environments["default"]
        with self.mirror.open() as (database, connection):
            now = database.now(connection)
            environment.streams.mark_due(connection, keys, now=now, purpose=purpose)
            notify_due(database, connection)

    async def tell(self, body: bytes, environment: str = "default") -> None:
        """Take an event, as another service does."""
        async with self.app() as other:
            assert take(other.environments[environment], body) == ["accepted"]

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[App]:
        """Run a service until the end of the block, where it must end well."""
        async with self.app() as app, running_service(app):
            yield app

    @asynccontextmanager
    async def working(self, *environments: str, fetch_every: float = FETCH_EVERY) -> AsyncIterator[App]:
        """Run a worker until the end of the block, where it must end well."""
        async with self.app() as app:
            running = asyncio.create_task(
                run_worker(app, environments, handle_signals=False, fetch_every=fetch_every)
            )
            try:
                yield app
            finally:
                app.stopping.set()
                await running
