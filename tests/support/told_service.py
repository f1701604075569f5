"""The service in the test's own process, whose schedule rests: what it does it does because of webhooks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, MutableMapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from sqlalchemy import select
from structlog.testing import capture_logs

from syncer.app import App
from syncer.daemon.service import run_service
from syncer.domain.stream_key import StreamKey
from syncer.simulator.company.company import Company
from syncer.store.schema.mirror_tables import runs, webhook_events
from tests.support.source import MODELS
from tests.support.waiting import PATIENCE
from tests.support.webhooks import SECRET, send
from tests.support.workers import WorkersWorld


@dataclass
class ToldService(WorkersWorld):
    """A world whose mirror is complete and polled once a day."""

    logged: Sequence[MutableMapping[str, Any]] = ()
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    @asynccontextmanager
    async def serving(self, *, processes: int = 1, **settings: Any) -> AsyncIterator[list[App]]:
        """Run services side by side until the end of the block, where each must end well."""
        tables = {
            "sync": {"models": list(MODELS), "every": "1d"},
            "web": {"enabled": True, "port": 0},
            "webhooks": {"secrets": [SECRET], **settings.pop("webhooks", {})},
            **settings,
        }
        self.clients.clear()
        async with AsyncExitStack() as stack:
            apps = [await stack.enter_async_context(self.app(**tables)) for _ in range(processes)]
            self.logged = stack.enter_context(capture_logs())
            running = []
            try:
                for app in apps:
                    service = run_service(app, report=self.steps.append, handle_signals=False)
                    running.append(asyncio.create_task(service))
                    await self.until(self._all_serve(running), "the pages")
                    url = self.words("pages_served")[-1]["url"]
                    client = httpx.AsyncClient(
                        base_url=url, timeout=PATIENCE, limits=httpx.Limits(max_connections=20)
                    )
                    self.clients.append(await stack.enter_async_context(client))
                await self.until(self.is_complete, "the first load")
                yield apps
            finally:
                for app in apps:
                    app.stopping.set()
                await asyncio.gather(*running)

    def _all_serve(self, running: Sequence[object]) -> Callable[[], bool]:
        return lambda: len(self.words("pages_served")) == len(running)

    def is_complete(self) -> bool:
        """Tell whether every stream has been read, and nothing runs."""
        found = self.mirror.streams()
        return bool(found) and all(each.state == "complete" for each in found.values())

    def words(self, event: str) -> list[MutableMapping[str, Any]]:
        """Give what was logged under a word."""
        return [each for each in list(self.logged) if each["event"] == event]

    async def tell(self, body: bytes, process: int = 0) -> str:
        """Send a signed event to one of the services; give its outcome."""
        answer = await send(self.clients[process], body)
        assert answer.status_code == 200
        outcome: str = answer.json()["outcome"]
        return outcome

    def runs_of(self, key: StreamKey) -> list[Any]:
        """Give the stream's runs by their beginning."""
        with self.database() as connection:
            return list(
                connection.execute(
                    select(runs)
                    .where(runs.c.integration_id == key.integration_id, runs.c.model == key.model)
                    .order_by(runs.c.started_at)
                )
            )

    def events(self) -> list[Any]:
        """Give the events that are kept, by arrival."""
        with self.database() as connection:
            return list(connection.execute(select(webhook_events).order_by(webhook_events.c.arrived_at)))

    @property
    def company(self) -> Company:
        """The company of its first integration."""
        return next(iter(self.environment.companies.values()))
