"""The service's workers in the test's own process, on a source with the true clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from syncer.app import App
from syncer.daemon.workers import Workers
from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.stream_key import StreamKey
from syncer.store.db.due_channel import notify_due
from syncer.store.state.streams import StreamStore
from syncer.sync.context import Progress, SyncContext
from syncer.sync.integrations import Integrations
from tests.support.alone import alone
from tests.support.source import MODELS
from tests.support.waiting import until_async
from tests.support.world import Tables, World


@dataclass
class WorkersWorld(World):
    """A world whose program works as the service does. steps: what runs have reported."""

    steps: list[Progress] = field(default_factory=list)

    defaults: ClassVar[Tables] = {
        "sync": {"models": MODELS, "every": "1h"},
        "web": {"enabled": False},
    }
    until = staticmethod(until_async)

    @asynccontextmanager
    async def working(self, *, due: bool = True, **workers: Any) -> AsyncIterator[Work]:
        """Run workers on all streams, which are due now unless said otherwise; stop them at the end.

        workers: arguments of theirs.
        """
        async with self.app() as app:
            app.open_database()
            async with alone(app).open(self.steps.append) as (engine, asking):
                keys = await alone(app).selection.refresh_streams(asking)
                if due:
                    self.mark(*keys)
                arguments = {"concurrency": 8, "stopping": app.stopping, **workers}
                made = Workers(engine, asking, **arguments)
                running = asyncio.create_task(made.run())
                try:
                    yield Work(app, engine, asking, made, running, keys)
                finally:
                    app.stopping.set()
                    await asyncio.wait({running})

    def mark(self, *keys: StreamKey, purpose: Purpose = Purpose.INCREMENTAL) -> None:
        """Make streams due, as another process would."""
        with self.mirror.open() as (database, connection):
            now = database.now(connection)
            StreamStore().mark_due(connection, keys, now=now, purpose=purpose)
            notify_due(database, connection)

    def ended(self, key: StreamKey | None = None) -> list[tuple[StreamKey, str]]:
        """Give the runs that have ended so far, with their outcome."""
        return [
            (step.key, step.result.outcome.value)
            for step in list(self.steps)
            if step.result is not None and key in (None, step.key)
        ]


class MakeWorkersWorld(Protocol):
    """Makes a world of so many integrations with so many records each; settings: as nested tables."""

    def __call__(self, *, integrations: int = 1, records: int = 600, **settings: Any) -> WorkersWorld: ...


@dataclass
class Work:
    """Workers at work."""

    app: App
    engine: SyncContext
    asking: Integrations
    workers: Workers
    running: asyncio.Task[None]
    keys: list[StreamKey]
