"""What is wrong with a tool's answer is the outcome of its list, and never an empty page."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import pytest

from syncer.domain.streams.progress import MAX_PAGES_WITHOUT_NEW
from syncer.domain.streams.state import Outcome
from syncer.simulator.server import faults
from syncer.simulator.server.faults import Answer, Match
from syncer.simulator.server.request_log import RequestInfo
from tests.support.native_lists import (
    EMPLOYEES,
    ENTRIES,
    HISTORY,
    PEOPLE,
    asked,
    company,
    entries,
    history,
    id_of,
    only,
    people,
    places,
    remote_ids,
    stream,
    view,
)
from tests.support.world import MakeNative, World

#: What is made of an answer is decided before any database hears of it.
pytestmark = pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)


#: How often a request goes out before a fault that may pass is final, and the same unreadable answer.
TRIES, SAME = 6, 3
BULK = Match(call="GET /bulk*")
PASSING: dict[str, Answer] = {
    "429 of the tool": faults.native_rate_limited(),
    "500 of the tool": faults.native_answer(500, {"error": "oops"}),
    "503 of the tool as a page": faults.native_not_json(503),
    "login page": faults.native_not_json(),
    "half of it": faults.native_truncated(),
    "empty body": faults.native_answer(200),
    "too many at once": faults.concurrency_limited(),
    "tool not reached": faults.remote_error(),
    "tool too slow": faults.remote_error("REMOTE.TIMEOUT", 504),
    "error 500 of Kombo": faults.server_error(),
    "not JSON of Kombo": faults.not_json(),
    "half of Kombo's": faults.truncated(),
}
LASTING: dict[str, tuple[Answer, str]] = {
    "403": (faults.native_answer(403, {"error": "no"}), "was refused with 403 by the tool"),
    "401": (faults.native_answer(401, {"error": "no"}), "was refused with 401 by the tool"),
    "no list": (
        faults.native_rewritten(lambda data: {"items": data["results"]}),
        "records: 'results' led to nothing in the answer, which has: items",
    ),
    "no object": (faults.native_answer(200, []), "records: 'results' led to nothing in the answer"),
    "a null": (
        faults.native_rewritten(lambda data: {**data, "results": None}),
        "records: 'results' led to nothing in the answer",
    ),
    "a cursor that is none": (
        faults.native_rewritten(lambda data: {**data, "response_metadata": {"next_cursor": [1]}}),
        "next: 'response_metadata.next_cursor' led to a list",
    ),
}


@pytest.mark.parametrize("fault", PASSING)
async def test_what_may_pass_is_asked_again_and_never_taken_for_an_empty_page(
    make_native: MakeNative, fault: str
) -> None:
    world = make_native(history())
    world.environment.faults.add(BULK, PASSING[fault], 2, after=1)
    await world.sync(models=[HISTORY])
    assert set(view(world, HISTORY)) == set(remote_ids(world))


@pytest.mark.parametrize("fault", ["429 of the tool", "500 of the tool", "login page", "tool not reached"])
async def test_what_does_not_pass_fails_the_run_and_keeps_its_place(
    make_native: MakeNative, fault: str
) -> None:
    world = make_native(history())
    script = world.environment.faults.add(BULK, PASSING[fault], None, after=2)
    result = await only(world, HISTORY)
    tries = SAME if fault == "login page" else TRIES
    assert (result.outcome, result.pages, script.fired) == (Outcome.FAILED, 2, tries)
    left = stream(world, HISTORY)
    assert (left.state, left.failures, left.last_error) == ("failed", 1, result.error)
    assert left.due_at is not None
    assert left.walk is not None
    assert left.walk.cursor == '{"at":"10"}'
    world.environment.faults.clear()
    before = len(world.environment.requests)
    await world.sync(models=[HISTORY])
    assert dict(places(world, before)[0][1])["cursor"] == "10"
    assert stream(world, HISTORY).failures == 0


@pytest.mark.parametrize("fault", LASTING)
async def test_what_no_repetition_mends_fails_at_once_and_says_where(
    make_native: MakeNative, fault: str
) -> None:
    world = make_native(history())
    await world.sync(models=[HISTORY])
    answer, said = LASTING[fault]
    script = world.environment.faults.add(BULK, answer, None)
    for _ in range(3):
        result = await only(world, HISTORY)
        assert result.outcome is Outcome.FAILED
        assert said in str(stream(world, HISTORY).last_error)
    assert script.fired == 3
    # It says nothing of what there is.
    assert set(view(world, "work_history_live")) == set(remote_ids(world))


async def test_a_page_that_comes_again_and_again_ends_the_list_as_a_failure(make_native: MakeNative) -> None:
    world = make_native(history())
    world.environment.faults.add(BULK, faults.repeated(), None)
    result = await only(world, HISTORY)
    assert result.outcome is Outcome.FAILED
    assert "next: response_metadata.next_cursor leads to the same page again" in str(result.error)
    assert len(asked(world)) <= 4


def circling(style: str) -> Any:
    """Answer with the first page for ever, in a way that no two answers or positions are the same."""
    first: list[Any] = []
    numbers = itertools.count(1)

    def change(data: Any) -> Any:
        first.append(data)
        page, number = copy.deepcopy(first[0]), next(numbers)
        for record in page["results"]:
            record["read"] = number
        page["response_metadata"]["next_cursor"] = number
        page["next"] = f"/v1/bulk/people/work?cursor={number}"
        return page

    return {
        "page": {
            "cursor": history()["page"],
            "page": {"style": "page", "param": "page"},
            "offset": {"style": "offset", "param": "offset"},
            "link": {"style": "link", "next": "next"},
        }[style]
    }, faults.native_rewritten(change)


@pytest.mark.parametrize("style", ["cursor", "page", "offset", "link"])
async def test_a_list_that_does_not_end_is_an_error_in_every_style_of_paging(
    make_native: MakeNative, style: str
) -> None:
    parts, fault = circling(style)
    world = make_native(history(**parts))
    world.environment.faults.add(BULK, fault, None)
    guard(world, 60)
    result = await only(world, HISTORY)
    assert result.outcome is Outcome.FAILED
    assert f"{HISTORY} of {company(world).integration_id} does not end: " in str(result.error)
    assert len(asked(world)) <= 2 + 2 * MAX_PAGES_WITHOUT_NEW
    world.environment.faults.clear()
    await world.sync(models=[HISTORY], passthrough=[history()])
    assert set(view(world, HISTORY)) == set(remote_ids(world))


def guard(world: World, calls: int) -> None:
    """Fail the test where the tool is asked more often."""

    def count(_: RequestInfo) -> None:
        assert len(asked(world)) <= calls, "the list is followed for ever"

    world.environment.between_pages = count


async def test_a_failing_list_stops_no_other(make_native: MakeNative) -> None:
    world = make_native(history(), people())
    world.environment.faults.add(BULK, faults.native_answer(403, {}), None)
    results = {each.key.model: each.outcome for each in await world.run()}
    assert results.pop(HISTORY) is Outcome.FAILED
    assert set(results.values()) == {Outcome.COMPLETE}
    assert set(view(world, PEOPLE)) == set(remote_ids(world))


async def test_an_employee_whom_the_tool_does_not_know_fails_the_list_where_nothing_is_skipped(
    make_native: MakeNative,
) -> None:
    world = make_native(entries())
    await world.sync(models=[EMPLOYEES])
    unknown = sorted(remote_ids(world))[2]
    company(world).vanish(EMPLOYEES, id_of(world, unknown))
    result = await only(world, ENTRIES)
    assert result.outcome is Outcome.FAILED
    assert "GET /people/{remote_id}/work through hibob/v1" in str(result.error)
    assert "was refused with 404 by the tool" in str(result.error)


async def test_an_employee_whom_the_tool_does_not_know_has_no_list_where_that_is_skipped(
    make_native: MakeNative,
) -> None:
    each: dict[str, Any] = {"table": "hris_employees_live", "param": "remote_id", "skip": [404]}
    world = make_native(entries(for_each=each))
    await world.sync(models=[EMPLOYEES])
    before = view(world, ENTRIES)
    unknown = sorted(remote_ids(world))[2]
    company(world).vanish(EMPLOYEES, id_of(world, unknown))
    await world.sync(models=[ENTRIES])
    assert before == {}
    parents = {row["parent"] for row in view(world, ENTRIES).values()}
    assert unknown not in parents
    assert len(asked(world)) == len(remote_ids(world)) + 1


async def test_neither_errors_nor_the_state_repeat_what_the_tool_said(make_native: MakeNative) -> None:
    world = make_native(history())
    said = {"error": "Jane Doe earns 100000", "token": "secret-of-the-tool"}
    world.environment.faults.add(BULK, faults.native_answer(400, said), None)
    result = await only(world, HISTORY)
    for secret in ("Jane", "secret", "t0ken", "access_token"):
        assert secret not in str(result.error)
        assert secret not in str(stream(world, HISTORY).last_error)
