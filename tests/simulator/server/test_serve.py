"""The simulator on a real socket."""

from __future__ import annotations

import asyncio
import socket

import httpx
import pytest

from syncer.simulator.server.environment import Environment
from syncer.simulator.server.serve import running, running_in_thread, serve
from tests.support.waiting import PATIENCE


def _headers(environment: Environment) -> dict[str, str]:
    return {"authorization": f"Bearer {environment.api_key}"}


async def test_it_serves_while_the_block_runs_and_no_longer(environment: Environment) -> None:
    async with running(environment) as base_url:
        assert base_url.startswith("http://127.0.0.1:")
        assert base_url.endswith("/v1")
        async with httpx.AsyncClient(
            base_url=base_url, headers=_headers(environment), timeout=PATIENCE
        ) as client:
            response = await client.get("/check-api-key")
            assert response.status_code == 200
            dates = response.headers.get_list("date")
            assert dates == ["Mon, 01 Jun 2026 12:00:00 GMT"], "the server's own Date is switched off"
            assert "server" not in response.headers
    async with httpx.AsyncClient(timeout=PATIENCE) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(f"{base_url}/check-api-key")


async def test_a_taken_port_is_an_error(environment: Environment) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        async with running(environment, port=taken.getsockname()[1]):
            pass


async def test_serving_lasts_until_it_is_cancelled(environment: Environment) -> None:
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(environment, "127.0.0.1", 0, ready.set_result))
    base_url = await ready
    async with httpx.AsyncClient(headers=_headers(environment), timeout=PATIENCE) as client:
        assert (await client.get(f"{base_url}/check-api-key")).status_code == 200
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(httpx.TransportError):
            await client.get(f"{base_url}/check-api-key")


def test_it_serves_from_a_thread_of_its_own(environment: Environment) -> None:
    with running_in_thread(environment) as base_url:
        response = httpx.get(f"{base_url}/check-api-key", headers=_headers(environment), timeout=PATIENCE)
    assert response.json()["data"]["environment_id"] == environment.id


def test_a_thread_that_cannot_serve_says_so(environment: Environment) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(OSError, match="in use"),
        running_in_thread(environment, port=taken.getsockname()[1]),
    ):
        pass
