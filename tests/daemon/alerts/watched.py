"""A service in the test's own process that is scraped as by Prometheus, and whose time passes at will."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx

from syncer.app import App
from syncer.daemon.service import run_service
from tests.support.promtool import Scrape
from tests.support.receivers import SECRET, Receiver
from tests.support.waiting import PATIENCE, until_async
from tests.support.webhooks import SECRET as WEBHOOK_SECRET
from tests.support.workers import WorkersWorld

MODELS = ("hris_groups", "hris_locations")
GROUPS, LOCATIONS = MODELS


@dataclass
class Watched:
    """A service that is scraped."""

    world: WorkersWorld
    app: App
    client: httpx.AsyncClient
    running: asyncio.Task[None]
    receiver: Receiver
    outage: ExitStack

    async def scrape(self) -> Scrape:
        """Scrape it as Prometheus does."""
        try:
            answer = await self.client.get("/metrics")
        except httpx.ConnectError:
            answer = None
        with self.app.database.read() as connection:
            at = self.app.database.now(connection).timestamp()
        return Scrape(None if answer is None else answer.raise_for_status().text, at)

    async def shows(self, name: str, expected: float | Callable[[float], bool], **labels: str) -> None:
        """Scrape until a metric with these labels has the value, or one of which that is true, in all."""
        found: list[float] = []
        for _ in range(20 * PATIENCE):
            found = [
                number
                for (metric, its), number in (await self.scrape()).of(name).samples().items()
                if metric == name and labels.items() <= dict(its).items()
            ]
            if found and (expected(sum(found)) if callable(expected) else sum(found) == expected):
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"{name}{labels} never was {expected}: {found}")

    def pass_time(self, minutes: float) -> None:
        self.app.database.clock_offset += timedelta(minutes=minutes)

    def mark_due(self, *models: str) -> None:
        """Have the streams of these lists read soon."""
        self.world.mark(*(key for key in self.world.streams() if key.model in models))

    async def read(self, *models: str) -> None:
        """Have these lists, if there are any, read to their end."""
        if models:
            now = (await self.scrape()).at
            self.mark_due(*models)
            await self.shows("syncer_last_success_timestamp_seconds", lambda moment: moment > now)
            for each in models:
                await self.shows("syncer_lag_seconds", lambda age: age < 60, model=each)


@asynccontextmanager
async def serving(world: WorkersWorld, receiver: Receiver, **settings: Any) -> AsyncIterator[Watched]:
    """Run a service that has read all of four streams."""
    # Messages bear the time of the database, which is moved here.
    receiver.verifies = False
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    world.settings = {
        "web": {"enabled": True, "port": port},
        "sync": {"models": MODELS, "every": "12h"},
        "webhooks": {"secrets": [WEBHOOK_SECRET]},
        "changes": {"models": [GROUPS]},
        "deliveries": [{"name": "billing", "url": receiver.url, "secret": SECRET}],
        "deletions": {"max_share": 0, "max_rows": 0},
        "verify": {"every": "30d"},
        **settings,
    }
    async with (
        world.app() as app,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as client,
    ):
        running = asyncio.create_task(run_service(app, handle_signals=False))
        with ExitStack() as outage:
            try:
                watched = Watched(world, app, client, running, receiver, outage)
                await until_async(lambda: world.mirror.is_complete(4) or running.done(), "first walks")
                yield watched
            finally:
                outage.close()
                world.environment.faults.clear()
                app.stopping.set()
                await running
