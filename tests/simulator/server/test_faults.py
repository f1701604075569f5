"""Faults by script."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from syncer.simulator.server import faults
from syncer.simulator.server.environment import Environment
from syncer.simulator.server.faults import Answer, Dropped, Late, Match
from syncer.simulator.server.serve import running
from tests.support.waiting import PATIENCE

Get = Callable[..., Awaitable[httpx.Response]]
Walk = Callable[..., Awaitable[list[dict[str, Any]]]]
INTEGRATION = "personio:8d1hpPsbjxUkoCoa1veLZGe5"


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (faults.rate_limited(), 429, "PLATFORM.RATE_LIMIT_EXCEEDED"),
        (faults.concurrency_limited(), 429, "PLATFORM.CONCURRENCY_LIMIT_EXCEEDED"),
        (faults.server_error(), 500, "PLATFORM.UNKNOWN_ERROR"),
        (faults.server_error(503, None), 503, None),
        (faults.expired_cursor(), 400, "PLATFORM.INPUT_INVALID"),
        (faults.key_refused(), 401, "PLATFORM.AUTHENTICATION_INVALID"),
        (faults.not_ready(), 409, "INTEGRATION.SETUP_SYNC_PENDING"),
        (faults.kombo_error(418, "REMOTE.TEAPOT"), 418, "REMOTE.TEAPOT"),
    ],
)
async def test_an_error_of_kombos_has_all_four_members_and_the_limits_headers(
    environment: Environment, get: Get, answer: Answer, status: int, code: str | None
) -> None:
    environment.faults.add(Match(), answer)
    response = await get("hris_groups")
    assert response.status_code == status
    error = response.json()["error"]
    assert (error["code"], list(error)) == (code, ["code", "title", "message", "log_url"])
    assert response.headers["ratelimit-limit"] == "100000"
    assert environment.limit.used == 1
    assert (await get("hris_groups")).status_code == 200


async def test_a_rate_limit_of_others_names_its_reset(environment: Environment, get: Get) -> None:
    environment.faults.add(Match(), faults.rate_limited(reset=17))
    response = await get("hris_groups")
    assert (response.headers["ratelimit-remaining"], response.headers["ratelimit-reset"]) == ("0", "17")


@pytest.mark.parametrize("status", [502, 503])
async def test_the_load_balancer_speaks_plain_text_and_knows_no_limit(
    environment: Environment, get: Get, status: int
) -> None:
    environment.faults.add(Match(), faults.bad_gateway(status, "no upstream", skew=timedelta(hours=1)))
    response = await get("hris_groups")
    assert (response.status_code, response.text) == (status, "no upstream")
    assert response.headers["content-type"] == "text/plain"
    assert response.headers["date"] == "Mon, 01 Jun 2026 13:00:00 GMT"
    assert "ratelimit-limit" not in response.headers
    assert environment.limit.used == 0


async def test_answers_that_are_no_page(environment: Environment, get: Get) -> None:
    shapes: tuple[Any, ...] = (
        {"next": None},
        {"next": None, "results": None},
        {"next": None, "results": {}},
        None,
        [],
    )
    for shape in shapes:
        environment.faults.add(Match(), faults.reshaped(shape))
        assert (await get("hris_groups")).json() == {"status": "success", "data": shape}
    environment.faults.add(Match(), faults.not_json())
    response = await get("hris_groups")
    assert (response.status_code, response.text[:9]) == (200, "<!doctype")


async def test_a_truncated_answer_is_half_of_the_true_one(environment: Environment, get: Get) -> None:
    whole = (await get("hris_groups")).content
    environment.faults.add(Match(), faults.truncated())
    assert (await get("hris_groups")).content == whole[: len(whole) // 2]


async def test_a_true_answer_can_be_rewritten(environment: Environment, get: Get) -> None:
    def without_first_id(body: Any) -> Any:
        del body["data"]["results"][0]["id"]
        return body

    environment.faults.add(Match(), faults.rewritten(without_first_id))
    rows = (await get("hris_groups")).json()["data"]["results"]
    assert ["id" in row for row in rows] == [False, *[True] * (len(rows) - 1)]


async def test_a_fault_meets_only_what_it_matches_and_so_often(environment: Environment, get: Get) -> None:
    second = environment.faults.add(Match(INTEGRATION, "hris_*", page=2), faults.server_error(), times=2)
    environment.faults.add(Match(integration="other:*"), faults.server_error(), times=None)
    environment.faults.add(Match(path="/v1/integrations/*"), faults.server_error(), times=None)

    first = await get("hris_employees", page_size=5)
    cursor = first.json()["data"]["next"]
    statuses = [(await get("hris_employees", page_size=5, cursor=cursor)).status_code for _ in range(3)]
    assert (first.status_code, statuses) == (200, [500, 500, 200])
    assert (second.fired, second.left) == (2, 0)
    jobs = (await get("ats_candidates", page_size=1)).json()["data"]["next"]
    assert (await get("ats_candidates", page_size=1, cursor=jobs)).status_code == 200


async def test_a_fault_for_ever_ends_when_cleared(
    environment: Environment, client: httpx.AsyncClient, get: Get
) -> None:
    environment.faults.add(Match(path="/v1/check-api-key"), faults.server_error(), times=None)
    for _ in range(3):
        assert (await client.get("/check-api-key")).status_code == 500
    assert (await get("hris_groups")).status_code == 200
    environment.faults.clear()
    assert (await client.get("/check-api-key")).status_code == 200


async def test_a_late_answer_waits_in_the_given_sleep(environment: Environment, get: Get) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    environment.sleep = sleep
    environment.faults.add(Match(), Late(90))
    assert (await get("hris_groups")).status_code == 200
    assert slept == [90]


async def test_a_connection_breaks_on_a_real_socket_and_nothing_is_logged(
    environment: Environment, caplog: pytest.LogCaptureFixture
) -> None:
    environment.faults.add(Match(model="hris_employees"), Dropped())
    headers = {"authorization": f"Bearer {environment.api_key}", "x-integration-id": INTEGRATION}
    async with (
        running(environment) as base_url,
        httpx.AsyncClient(base_url=base_url, headers=headers, timeout=PATIENCE) as client,
    ):
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/hris/employees")
        assert (await client.get("/hris/employees")).status_code == 200
    assert [each for each in caplog.records if each.levelname == "ERROR"] == []


async def test_a_connection_breaks_in_process_with_the_given_exception(
    environment: Environment, get: Get
) -> None:
    environment.faults.add(Match(), Dropped(httpx.ReadError("gone")))
    with pytest.raises(httpx.ReadError, match="gone"):
        await get("hris_groups")


async def test_a_walk_goes_through_faults_that_are_retried(environment: Environment, get: Get) -> None:
    environment.faults.add(Match(page=1), faults.server_error())
    assert (await get("hris_groups")).status_code == 500
    assert [each.status for each in environment.requests] == [500]
    assert json.loads((await get("hris_groups")).content)["status"] == "success"
