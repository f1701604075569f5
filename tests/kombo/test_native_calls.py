"""Calls of a tool's own API by the client, against a real server on a socket that misbehaves by script."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Coroutine

import pytest

from syncer.domain.errors import Doubtful, RequestRefused, Transient
from syncer.domain.native.call import Call
from syncer.domain.ratelimit.budget import Purpose
from syncer.kombo.client import Client
from syncer.kombo.concurrency import Slots
from syncer.kombo.passthrough import NativeAnswer
from syncer.kombo.retry import FIRST_CONTACT_TRIES
from tests.kombo.test_client import BROKEN, KEY, error, lab
from tests.support.scripted_server import Answer, Seen, answer, serving

ID = "hibob:8d1hpPsbjxUkoCoa1veLZGe5"
OTHER = "hibob:other"
GET = Call("hibob/v1", "GET", "/people")
POST = Call("hibob/v1", "POST", "/people", data={"name": "x"})
TURNED_AWAY = {
    "budget": answer(429, error("PLATFORM.RATE_LIMIT_EXCEEDED")),
    "concurrency": answer(429, error("PLATFORM.CONCURRENCY_LIMIT_EXCEEDED"), {"Concurrency-Remaining": "0"}),
    "tool": answer(429, error("REMOTE.RATE_LIMIT_EXCEEDED")),
    "balancer": answer(429, b"slow down"),
}


def native(status: int = 200, data: object = "done", free: int | None = None) -> Answer:
    """The tool's answer; free: slots that are left."""
    headers = {} if free is None else {"Concurrency-Limit": "30", "Concurrency-Remaining": str(free)}
    body = {"status": "success", "data": {"url": "", "status": status, "headers": {}, "data": data}}
    return answer(200, {**body, "warnings": []}, headers)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")


async def test_a_call_is_a_post_with_key_integration_and_json() -> None:
    async with serving(native()) as server, lab(server.url) as at:
        got = await at.client.passthrough(Call("datevhr/hr:payrollreports", "DELETE", "/x"), ID)
    assert got.data == "done"
    [seen] = server.seen
    assert (seen.method, seen.path) == ("POST", "/v1/passthrough/datevhr/hr%3Apayrollreports")
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert seen.headers["x-integration-id"] == ID
    assert seen.headers["content-type"] == "application/json"
    assert json.loads(seen.body) == {"method": "DELETE", "path": "/x"}
    assert at.permits.asked[0][:2] == (Purpose.WRITE, ID)
    assert at.permits.every_permit_was_reported_once


@pytest.mark.parametrize("fault", BROKEN)
async def test_a_write_is_never_sent_again_on_a_doubtful_outcome(fault: str) -> None:
    async with serving(BROKEN[fault], native()) as server, lab(server.url) as at:
        with pytest.raises(Doubtful, match="may have been carried out all the same"):
            await at.client.passthrough(POST, ID)
    assert len(server.seen) == 1
    assert at.slept == []
    assert at.permits.every_permit_was_reported_once


async def test_a_write_without_an_answer_in_time_is_doubtful() -> None:
    async def silent(_: Seen, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with serving(silent) as server, lab(server.url, silence=0.05) as at:
        with pytest.raises(Doubtful, match="silent for too long"):
            await at.client.passthrough(POST, ID)
    assert len(server.seen) == 1


@pytest.mark.parametrize("fault", BROKEN)
async def test_a_read_is_sent_again_as_lists_are(fault: str) -> None:
    async with serving(BROKEN[fault], native()) as server, lab(server.url) as at:
        assert (await at.client.passthrough(GET, ID)).data == "done"
    assert len(server.seen) == 2


@pytest.mark.parametrize("call", [GET, POST])
@pytest.mark.parametrize("fault", TURNED_AWAY)
async def test_what_was_turned_away_is_sent_again(fault: str, call: Call) -> None:
    async with serving(TURNED_AWAY[fault], native()) as server, lab(server.url) as at:
        assert (await at.client.passthrough(call, ID)).data == "done"
    assert len(server.seen) == 2
    assert at.permits.every_permit_was_reported_once


async def test_a_write_that_was_turned_away_and_then_broke_off_is_doubtful() -> None:
    async with serving(TURNED_AWAY["concurrency"], BROKEN["reset"]) as server, lab(server.url) as at:
        with pytest.raises(Doubtful):
            await at.client.passthrough(POST, ID)
    assert len(server.seen) == 2


async def test_a_refused_connection_is_tried_again_and_not_doubtful() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with lab(f"http://127.0.0.1:{port}/v1") as at:
        with pytest.raises(Transient) as caught:
            await at.client.passthrough(POST, ID)
    assert caught.value.unsent
    assert len(at.slept) == FIRST_CONTACT_TRIES - 1


async def test_an_error_that_the_request_caused_is_final() -> None:
    async with serving(answer(400, error("PLATFORM.INPUT_INVALID"))) as server, lab(server.url) as at:
        with pytest.raises(RequestRefused):
            await at.client.passthrough(POST, ID)
    assert len(server.seen) == 1


@pytest.mark.parametrize("status", [404, 429, 500, 503])
async def test_an_error_of_the_tool_is_an_answer_and_not_tried_again(status: int) -> None:
    async with serving(native(status)) as server, lab(server.url) as at:
        assert (await at.client.passthrough(GET, ID)).status == status
    assert len(server.seen) == 1


# Concurrency


#: Calls of another integration, one after the other: time enough for a call that does not wait to be seen.
A_WHILE = 5


async def others_go(client: Client) -> None:
    for _ in range(A_WHILE):
        await client.passthrough(GET, OTHER)


async def test_after_a_refusal_for_concurrency_only_this_integration_rests() -> None:
    """While one call backs off, another of its integration waits, and those of another integration go."""
    waiting: list[asyncio.Task[NativeAnswer]] = []

    async def back_off(seconds: float) -> None:
        waiting.append(asyncio.create_task(at.client.passthrough(GET, ID)))
        await others_go(at.client)

    script = (TURNED_AWAY["concurrency"], *[native()] * (A_WHILE + 2))
    async with serving(*script) as server, lab(server.url, sleep=back_off) as at:
        await at.client.passthrough(POST, ID)
        await asyncio.gather(*waiting)
    asked = [seen.headers["x-integration-id"] for seen in server.seen]
    assert asked == [ID, *[OTHER] * A_WHILE, ID, ID]


async def test_where_no_slot_is_left_a_call_waits_for_one_of_ours_to_end() -> None:
    release, events = asyncio.Event(), list[str]()

    async def play(seen: Seen, writer: asyncio.StreamWriter) -> None:
        path = json.loads(seen.body)["path"]
        if path == "/first":
            await release.wait()
        if path != GET.path:
            events.append(path)
        await native(free={"/first": 1, "/second": 0}.get(path))(seen, writer)

    def call(path: str) -> Coroutine[None, None, NativeAnswer]:
        return at.client.passthrough(Call("hibob/v1", "GET", path), ID)

    async with serving(*[play] * (A_WHILE + 3)) as server, lab(server.url) as at:
        first = asyncio.create_task(call("/first"))
        await server.asked.wait()
        await call("/second")
        third = asyncio.create_task(call("/third"))
        await others_go(at.client)
        release.set()
        await asyncio.gather(first, third)
    assert events == ["/second", "/first", "/third"]


async def test_without_a_call_of_ours_under_way_nothing_is_waited_for() -> None:
    async with serving(native(free=0), native(free=0)) as server, lab(server.url) as at:
        for _ in range(2):
            await at.client.passthrough(GET, ID)
    assert len(server.seen) == 2


async def test_one_call_at_a_time_goes_while_no_answer_tells_of_free_slots() -> None:
    slots, most, under_way = Slots(), 0, 0
    slots.told(0)

    async def call() -> None:
        nonlocal most, under_way
        async with slots.taken():
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0)
            under_way -= 1

    await asyncio.gather(*(call() for _ in range(5)))
    assert most == 1
    slots.told(3)
    await asyncio.gather(*(call() for _ in range(5)))
    assert most == 5


async def test_a_call_that_is_given_up_frees_its_slot() -> None:
    slots = Slots()
    slots.told(0)
    begun = asyncio.Event()

    async def hold() -> None:
        async with slots.taken():
            begun.set()
            await asyncio.Event().wait()

    async def pass_through() -> None:
        async with slots.taken():
            pass

    holding = asyncio.create_task(hold())
    await begun.wait()
    waiting, given_up = asyncio.create_task(pass_through()), asyncio.create_task(pass_through())
    await asyncio.sleep(0)
    given_up.cancel()
    holding.cancel()
    await waiting
    assert (holding.cancelled(), given_up.cancelled()) == (True, True)
