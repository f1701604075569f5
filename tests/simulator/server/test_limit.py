"""The rate limit: fixed windows, three headers, one budget per key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import httpx
import pytest

from syncer.simulator.clock import SimClock
from syncer.simulator.server.environment import Environment
from syncer.simulator.server.limit import RateLimit

Get = Callable[..., Awaitable[httpx.Response]]


def _told(response: httpx.Response) -> tuple[int, int, int]:
    limit, remaining, reset = (
        int(response.headers[f"ratelimit-{name}"]) for name in ("limit", "remaining", "reset")
    )
    return limit, remaining, reset


@pytest.fixture
def limit(environment: Environment) -> RateLimit:
    environment.limit.limit = 3
    return environment.limit


async def test_every_answer_tells_how_the_window_stands(limit: RateLimit, get: Get, clock: SimClock) -> None:
    assert _told(await get("hris_groups")) == (3, 2, 60)
    clock.advance(timedelta(seconds=10.5))
    assert _told(await get("hris_groups", page_size=999)) == (3, 1, 50)
    clock.advance(timedelta(seconds=49))
    assert _told(await get("ats_tags")) == (3, 0, 1)


async def test_a_used_up_window_refuses_until_it_ends(limit: RateLimit, get: Get, clock: SimClock) -> None:
    for _ in range(3):
        assert (await get("hris_groups")).status_code == 200
    clock.advance(timedelta(seconds=20))
    refused = await get("hris_groups")
    assert (refused.status_code, _told(refused)) == (429, (3, 0, 40))
    assert refused.json()["error"]["code"] == "PLATFORM.RATE_LIMIT_EXCEEDED"
    assert limit.refused == 1
    clock.advance(timedelta(seconds=40))
    assert _told(await get("hris_groups")) == (3, 2, 60)


async def test_others_use_the_same_window(limit: RateLimit, get: Get) -> None:
    assert limit.spend(2)
    assert not limit.spend(2)
    assert _told(await get("hris_groups")) == (3, 0, 60)
    assert limit.used == 3


async def test_a_request_without_the_key_costs_nothing(
    limit: RateLimit, client: httpx.AsyncClient, get: Get
) -> None:
    response = await client.get("/hris/groups", headers={"authorization": "Bearer wrong"})
    assert response.status_code == 401
    assert "ratelimit-limit" not in response.headers
    assert limit.used == 0


def test_a_window_can_follow_a_clock_of_its_own() -> None:
    seconds = [100.0]
    limit = RateLimit(lambda: seconds[-1], limit=1, window=5)
    assert limit.spend()
    assert not limit.spend()
    seconds.append(104.9)
    assert limit.headers()["ratelimit-reset"] == "1"
    seconds.append(105.0)
    assert limit.spend()
