"""A simulated environment with a clock that stands, and a client that speaks to it in process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from syncer.domain.catalogue.lookup import model_named
from syncer.simulator.clock import SimClock
from syncer.simulator.company.company import Company
from syncer.simulator.server.api import simulator_app
from syncer.simulator.server.environment import Environment
from tests.simulator.native_calls import Do, id_of

INTEGRATION = "personio:8d1hpPsbjxUkoCoa1veLZGe5"
API_KEY = "ks_dev_simulator"

Get = Callable[..., Awaitable[httpx.Response]]
Walk = Callable[..., Awaitable[list[dict[str, Any]]]]


@pytest.fixture
def clock() -> SimClock:
    return SimClock.frozen(datetime(2026, 6, 1, 12, tzinfo=UTC))


@pytest.fixture
def company(clock: SimClock) -> Company:
    return Company(INTEGRATION, clock, seed=7, records=600)


@pytest.fixture
def environment(clock: SimClock, company: Company) -> Environment:
    environment = Environment(clock, api_key=API_KEY)
    environment.add(company)
    environment.limit.limit = 100_000
    return environment


@pytest.fixture
async def client(environment: Environment) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(simulator_app(environment)),
        base_url="http://simulator/v1",
        headers={"authorization": f"Bearer {API_KEY}", "x-integration-id": INTEGRATION},
    ) as client:
        yield client


@pytest.fixture
def get(client: httpx.AsyncClient) -> Get:
    """GET of a model's list: ``await get("hris_employees", page_size=1)``."""

    async def get(model: str, **params: str | int) -> httpx.Response:
        return await client.get(model_named(model).path, params=params)

    return get


@pytest.fixture
def walk(get: Get) -> Walk:
    """All pages of a list with one set of parameters."""

    async def walk(model: str, **params: str | int) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        cursor: dict[str, str | int] = {}
        while True:
            response = await get(model, **params, **cursor)
            assert response.status_code == 200, response.text
            data = response.json()["data"]
            assert list(data) == ["next", "results"]
            rows += data["results"]
            if data["next"] is None:
                return rows
            cursor = {"cursor": data["next"]}

    return walk


@pytest.fixture
def do(client: httpx.AsyncClient) -> Do:
    """A call of a tool's own API: ``await do("hibob/v1", "GET", "/people/5/work", params={…})``."""

    async def do(
        api: str, method: str = "GET", path: str = "/", *, of: str | None = None, **body: Any
    ) -> httpx.Response:
        return await client.post(
            f"/passthrough/{api}",
            json={"method": method, "path": path, **body},
            headers={"x-integration-id": of or id_of(api.partition("/")[0])},
        )

    return do
