"""Faults of the tools' own APIs by script: what they answer instead, and how Kombo passes it on."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from syncer.simulator.clock import SimClock
from syncer.simulator.server import faults
from syncer.simulator.server.environment import Environment
from syncer.simulator.server.faults import Answer, Match
from tests.simulator.native_calls import Do, answered, environment_of, refused

HISTORY = Match(call="GET /bulk/people/work*")


@pytest.fixture
def environment(clock: SimClock) -> Environment:
    return environment_of(clock, ("hibob", "workday", "personio"))


async def history(do: Do, cursor: str | None = None) -> Any:
    params = {"limit": "3"} if cursor is None else {"limit": "3", "cursor": cursor}
    return answered(await do("hibob/v1", path="/bulk/people/work", params=params))


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (faults.native_rate_limited(), 429),
        (faults.native_answer(500, {"error": "internal"}), 500),
        (faults.native_answer(404, {"error": "not found"}), 404),
        (faults.native_answer(403, {"error": "no permission"}), 403),
        (faults.native_not_json(503), 503),
    ],
)
async def test_an_error_of_the_tool_is_a_success_of_kombo(
    do: Do, environment: Environment, answer: Answer, status: int
) -> None:
    environment.faults.add(HISTORY, answer)
    assert answered(await do("hibob/v1", path="/bulk/people/work"), status)
    assert (await history(do))["results"]


async def test_a_tool_says_when_it_has_room_again(do: Do, environment: Environment) -> None:
    environment.faults.add(HISTORY, faults.native_rate_limited(17))
    envelope = (await do("hibob/v1", path="/bulk/people/work")).json()
    assert envelope["data"]["headers"] == {"retry-after": "17"}


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("REMOTE.SERVICE_UNAVAILABLE", 503),
        ("REMOTE.SERVICE_UNAVAILABLE", 502),
        ("REMOTE.RATE_LIMIT_EXCEEDED", 429),
        ("REMOTE.INPUT_INVALID", 400),
        ("REMOTE.UNKNOWN_HTTP_ERROR", 500),
    ],
)
async def test_trouble_with_the_tool_can_be_an_error_of_kombo(
    do: Do, environment: Environment, code: str, status: int
) -> None:
    environment.faults.add(HISTORY, faults.remote_error(code, status))
    assert refused(await do("hibob/v1", path="/bulk/people/work"))[:2] == (status, code)


async def test_a_page_for_people_is_a_text(do: Do, environment: Environment) -> None:
    environment.faults.add(HISTORY, faults.native_not_json())
    assert (await history(do)).startswith("<!doctype html>")


async def test_half_of_a_body_is_a_text_and_half_of_a_file_can_be_decoded(
    do: Do, environment: Environment
) -> None:
    environment.faults.add(Match(call="GET *"), faults.native_truncated(), times=2)
    text = await history(do)
    with pytest.raises(json.JSONDecodeError):
        json.loads(text)
    three_letters_of_nine = json.loads(
        faults.native_truncated().change(faults.native_answer(200, "YWJjZGVmZ2hp").body)
    )
    assert base64.b64decode(three_letters_of_nine["data"]["data"]) == b"abc"
    path = "/owner/report?format=csv"
    half = base64.b64decode(answered(await do("workday/custom-report", path=path, response_as_base64=True)))
    whole = base64.b64decode(answered(await do("workday/custom-report", path=path, response_as_base64=True)))
    assert whole.startswith(half)
    assert 0 < len(half) <= len(whole) / 2


async def test_a_body_can_be_rewritten_inside_of_kombos_envelope(do: Do, environment: Environment) -> None:
    environment.faults.add(HISTORY, faults.native_rewritten(lambda data: {"items": data["results"]}))
    environment.faults.add(Match(integration="personio:*"), faults.native_rewritten(str))
    assert [each["employeeId"] for each in (await history(do))["items"]] == ["1", "2", "3"]
    environment.limit.limit = 1
    assert refused(await do("personio/personnel", path="/company/employees"))[0] == 429


async def test_one_page_repeats_and_then_the_list_goes_on(do: Do, environment: Environment) -> None:
    environment.faults.add(HISTORY, faults.repeated(), times=2)
    first = await history(do)
    cursor = first["response_metadata"]["next_cursor"]
    assert await history(do, cursor) == first
    assert await history(do, cursor) != first


async def test_a_list_can_have_the_same_cursor_for_ever(do: Do, environment: Environment) -> None:
    fault = environment.faults.add(HISTORY, faults.repeated(), times=None)
    cursor = None
    for _ in range(5):
        cursor = (await history(do, cursor))["response_metadata"]["next_cursor"]
    assert (cursor, fault.fired) == ("3", 5)


async def test_a_fault_can_let_pages_go_by_first(do: Do, environment: Environment) -> None:
    fault = environment.faults.add(HISTORY, faults.native_answer(500, {"error": "internal"}), after=1)
    page = await history(do)
    params = {"cursor": page["response_metadata"]["next_cursor"]}
    assert answered(await do("hibob/v1", path="/bulk/people/work", params=params), 500)
    assert answered(await do("hibob/v1", path="/bulk/people/work", params=params))
    assert fault.fired == 1


async def test_the_log_tells_the_parameters_of_a_call(do: Do, environment: Environment) -> None:
    await do("hibob/v1", path="/bulk/people/work?limit=3&cursor=3", params={"cursor": "6"})
    [asked] = environment.requests
    assert asked.params == {"limit": "3", "cursor": "6"}


async def test_reports_are_objects_or_texts_and_base64_of_the_same(do: Do) -> None:
    async def report(form: str, **body: Any) -> Any:
        return answered(
            await do("workday/custom-report", path="/owner/report", params={"format": form}, **body)
        )

    assert isinstance(await report("json"), dict)
    for form, begins in (("csv", "Employee_ID,Worker,Business_Title,Hire_Date\n"), ("simplexml", "<?xml")):
        text = await report(form)
        assert text.startswith(begins)
        assert base64.b64decode(await report(form, response_as_base64=True)).decode() == text
    decoded = base64.b64decode(await report("json", response_as_base64=True))
    assert json.loads(decoded) == await report("json")
