"""Several Kombo environments, each with a key of its own, and one mirror of all of them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from syncer.app import App
from syncer.config.settings import Settings
from syncer.simulator.clock import SimClock
from syncer.simulator.server.api import simulator_app
from syncer.simulator.server.environment import Environment
from syncer.simulator.server.limit import RateLimit
from tests.support.mirror import Mirror
from tests.support.source import MODELS
from tests.support.webhooks import SECRET


def source_of(name: str, *, limit: int = 100_000) -> Environment:
    """Make up an environment with one small integration. limit: requests a minute."""
    return Environment.example(
        SimClock(lambda: datetime.now(UTC)),
        seed=sum(name.encode()),
        integrations=1,
        records=60,
        api_key=f"ks_dev_key-of-{name}",
        limit=RateLimit(time.monotonic, limit=limit),
    )


def secret_of(name: str) -> str:
    """Give the secret that signs the webhooks of an environment."""
    return f"{SECRET}-of-{name}"


class ByHost(httpx.AsyncBaseTransport):
    """Transport to the environments, each at a host of its name."""

    def __init__(self, sources: Mapping[str, Environment]) -> None:
        self._apps = {
            f"{name}.kombo.test": httpx.ASGITransport(app=simulator_app(each))
            for name, each in sources.items()
        }

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._apps[request.url.host].handle_async_request(request)


@dataclass
class Keys:
    """Sources by the names of their environments, and a mirror; settings: changes, as nested tables."""

    sources: dict[str, Environment]
    mirror: Mirror
    settings: dict[str, Any] = field(default_factory=dict)

    def tables(self) -> dict[str, Any]:
        """Give the settings as nested tables."""
        access = {
            name: {"api_key": each.api_key, "base_url": f"http://{name}.kombo.test/v1"}
            for name, each in self.sources.items()
        }
        return {
            "kombo": access.pop("default", {}),
            "environments": {
                name: {**each, "webhook_secrets": [secret_of(name)]} for name, each in access.items()
            },
            "webhooks": {"secrets": [secret_of("default")]},
            "database": {"url": self.mirror.database_url},
            "integrations": [
                {"id": id, "environment": name}
                for name, each in self.sources.items()
                for id in each.integrations
            ],
            "sync": {"models": MODELS, "every": "1h"},
            "web": {"enabled": False},
            **self.settings,
        }

    def app(self) -> App:
        """Make a new program, as after a restart."""
        return App(Settings(**self.tables()), transport=ByHost(self.sources))

    def assert_equal(self, name: str) -> None:
        """Fail unless the mirror holds what an environment serves."""
        self.mirror.assert_equals_source(self.sources[name], MODELS)

    def integration(self, name: str) -> str:
        """Give the id of an environment's integration."""
        (id,) = self.sources[name].integrations
        return id
