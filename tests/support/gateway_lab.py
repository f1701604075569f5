"""Gateway of a program in the test's own process, on a real port, before a server that answers by script."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, MutableMapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from prometheus_client import generate_latest
from structlog.testing import capture_logs

from syncer.app import App
from syncer.config.settings import Settings
from syncer.daemon.bell import Bell
from syncer.daemon.calls import Calls
from syncer.daemon.telemetry import Telemetry
from syncer.daemon.web.server import listening, serving_pages
from tests.support.scripted_server import Answer, Server, serving
from tests.support.waiting import PATIENCE, until_async

KEY = "ks_prod_5ecretNobodyMayRead"
TOKEN = "token-of-the-gateway"
INTEGRATION = "personio:8d1hpPsbjxUkoCoa1veLZGe5"
HEADERS = {"Authorization": f"Bearer {TOKEN}", "X-Integration-Id": INTEGRATION}


@dataclass
class GatewayLab:
    """Program, client of its gateway, and the server that takes Kombo's place.

    rung: how often somebody was told that streams are due.
    """

    app: App
    client: httpx.AsyncClient
    kombo: Server
    calls: Calls
    telemetry: Telemetry
    logged: Sequence[MutableMapping[str, Any]]
    address: tuple[str, int]
    rung: list[None]

    @property
    def lines(self) -> list[MutableMapping[str, Any]]:
        """What was logged of calls."""
        return [each for each in list(self.logged) if each["event"] == "gateway_call"]

    def counted(self, outcome: str) -> float:
        """How many calls had an outcome."""
        found = self.telemetry.counters.registry.get_sample_value(
            "syncer_gateway_requests_total", {"outcome": outcome}
        )
        return found or 0.0

    async def until_counted(self, outcome: str, calls: int = 1) -> None:
        """Wait until so many calls have had an outcome: they are counted once they are answered."""
        await until_async(lambda: self.counted(outcome) == calls, f"{calls} calls that are {outcome}")

    def everything_told(self) -> str:
        """All that the program has logged and counted."""
        return f"{list(self.logged)} {generate_latest(self.telemetry.counters.registry).decode()}"

    async def raw(self, request: bytes) -> bytes:
        """Send bytes on a connection of their own; give all that comes back until it is closed."""
        reader, writer = await asyncio.open_connection(*self.address)
        writer.write(request)
        async with asyncio.timeout(PATIENCE):
            try:
                answer = await reader.read()
            except ConnectionResetError:
                answer = b""
        writer.close()
        return answer


@asynccontextmanager
async def gateway(database_url: str, *script: Answer, **settings: Any) -> AsyncIterator[GatewayLab]:
    """Serve a gateway on a migrated database until the block ends. settings: as nested tables."""
    async with AsyncExitStack() as stack:
        kombo = await stack.enter_async_context(serving(*script))
        tables = {
            "kombo": {"api_key": KEY, "base_url": kombo.url},
            "database": {"url": database_url},
            "integrations": [{"id": INTEGRATION}],
            "web": {"port": 0},
            **settings,
            "gateway": {"enabled": True, "token": TOKEN, **settings.get("gateway", {})},
        }
        app = await stack.enter_async_context(App(Settings(**tables), environ={}))
        app.open_database()
        bell, calls, telemetry, rung = Bell(), Calls(grace=0.2), Telemetry(), list[None]()
        bell.on_ring(lambda: rung.append(None))
        logged = stack.enter_context(capture_logs())
        listener = stack.enter_context(listening(app.settings.web))
        assert listener is not None
        address = listener.getsockname()[:2]
        await stack.enter_async_context(
            serving_pages(app, listener, bell=bell, telemetry=telemetry, calls=calls)
        )
        opened = await stack.enter_async_context(app.open(app.environments))
        ending = asyncio.Event()
        taking = asyncio.create_task(calls.take(opened, ending))
        await asyncio.sleep(0)
        client = await stack.enter_async_context(
            httpx.AsyncClient(
                base_url=f"http://{address[0]}:{address[1]}/gateway/v1", headers=HEADERS, timeout=PATIENCE
            )
        )
        try:
            yield GatewayLab(app, client, kombo, calls, telemetry, logged, address, rung)
        finally:
            ending.set()
            await taking
