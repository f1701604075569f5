"""Requests of applications as Kombo gets them, and its answers as they come back."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from syncer.domain.errors import Doubtful, KomboError, RateLimited, Transient, Unreachable
from syncer.domain.gateway.forwarding import ForwardedAnswer, ForwardedRequest
from syncer.domain.ratelimit.budget import Permit, Purpose, Rate
from syncer.domain.ratelimit.sent import Sent
from syncer.kombo import forwarding
from syncer.kombo.client import Client
from tests.kombo.permits import Permits
from tests.support.scripted_server import RATE, Answer, Seen, Server, answer, serving

KEY = "ks_prod_5ecretNobodyMayRead"
ID = "personio:8d1hpPsbjxUkoCoa1veLZGe5"
DONE = answer(200, {"status": "success", "data": {}})


def refused(code: str | None, **headers: str) -> Answer:
    """A 429 of Kombo's."""
    error = {"code": code, "title": None, "message": "Too many.", "log_url": None}
    return answer(429, {"status": "error", "error": error}, headers)


async def hang_up(_: Seen, writer: asyncio.StreamWriter) -> None:
    """Break the connection in place of an answer."""
    writer.close()


async def half(_: Seen, writer: asyncio.StreamWriter) -> None:
    """Break the connection in the middle of an answer."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
    await writer.drain()
    writer.close()


@dataclass
class Body:
    """Body of a request, in pieces."""

    parts: Sequence[bytes]

    @property
    def size(self) -> int:
        return sum(map(len, self.parts))

    async def pieces(self) -> AsyncIterator[bytes]:
        for part in self.parts:
            yield part


@dataclass
class Lab:
    """A client whose clock and sleep the test holds."""

    client: Client
    permits: Permits
    server: Server
    time: list[float]
    slept: list[float] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)

    async def call(
        self,
        method: str = "GET",
        target: bytes = b"/hris/employees?page_size=2",
        *,
        headers: Sequence[tuple[bytes, bytes]] = (),
        body: Sequence[bytes] | None = None,
        max_wait: float = 30.0,
    ) -> tuple[ForwardedAnswer, bytes]:
        """Forward a request; give the answer and its body."""
        content = None if body is None else Body(body)
        request = ForwardedRequest(method, target.decode().partition("?")[0], target, headers, ID, content)
        async with self.client.forwarder.answering(request, max_wait) as given:
            return given, b"".join([piece async for piece in given.pieces])

    @property
    def reported(self) -> list[object]:
        return [each[0] for each in self.permits.told]


@asynccontextmanager
async def lab(*script: Answer, permits: Permits | None = None) -> AsyncIterator[Lab]:
    async with serving(*script) as server:
        made = Lab(None, permits or Permits(), server, [1000.0])  # type: ignore[arg-type]

        async def sleep(seconds: float) -> None:
            made.slept.append(seconds)
            made.time[0] += seconds

        made.client = Client(
            base_url=server.url,
            api_key=KEY,
            permits=made.permits,
            timeout=20.0,
            connections=4,
            version="1.2.3",
            clock=lambda: made.time[0],
            sleep=sleep,
            random=lambda: 0.5,
            on_sent=made.sent.append,
        )
        async with made.client:
            yield made


# What goes out


async def test_a_request_goes_out_as_it_came_with_the_key_alone_on_top() -> None:
    headers = [(b"x-integration-id", ID.encode()), (b"accept-encoding", b"identity"), (b"x-own", b"1")]
    target = b"/ats/jobs/26v%3A/applications?a=%2C&b=+%20c&b=2"
    async with lab(DONE) as at:
        await at.call("POST", target, headers=headers, body=[b'{"candidate":', b"{}}"])
        [seen] = at.server.seen
    assert (seen.method, seen.target) == ("POST", "/v1" + target.decode())
    assert seen.body == b'{"candidate":{}}'
    host = at.server.url.removeprefix("http://").removesuffix("/v1")
    assert seen.headers == {
        "host": host,
        "x-integration-id": ID,
        "accept-encoding": "identity",
        "x-own": "1",
        "authorization": f"Bearer {KEY}",
        "content-length": "16",
    }


@pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH", "POST", "GET", "HEAD"])
async def test_every_method_passes_with_and_without_a_body(method: str) -> None:
    empty = answer(200, b"")
    async with lab(empty, empty) as at:
        await at.call(method)
        await at.call(method, body=[b"{}"])
        assert [(each.method, each.body) for each in at.server.seen] == [(method, b""), (method, b"{}")]
        purpose = Purpose.INCREMENTAL if method in ("GET", "HEAD") else Purpose.WRITE
        assert at.permits.asked == [(purpose, ID, None)] * 2
        assert at.permits.first == [True, True]
        assert at.sent == [Sent(purpose, 200)] * 2


# What comes back


async def test_an_answer_comes_back_byte_for_byte_and_tells_the_budget() -> None:
    body = gzip.compress(b'{"status": "success"}' * 100)
    async with lab(answer(207, body, {"Content-Encoding": "gzip", "X-Own": "1"})) as at:
        given, received = await at.call()
    assert (given.status, received) == (207, body)
    assert (b"Content-Encoding", b"gzip") in given.headers
    assert (b"X-Own", b"1") in given.headers
    assert at.permits.told == [("answered", 1, Rate(300, 298, 57.0))]


async def test_a_server_that_shows_the_key_does_not_show_it_to_the_application() -> None:
    shown = json.dumps({"you sent": f"Bearer {KEY}"}).encode()
    zipped = answer(200, gzip.compress(shown), {"Content-Encoding": "gzip"})
    async with lab(answer(400, shown, {"X-Echo": KEY}), zipped) as at:
        given, received = await at.call()
        assert KEY.encode() not in received
        assert len(received) == len(shown)
        assert (b"X-Echo", b"*" * len(KEY)) in given.headers
        with pytest.raises(KomboError, match="shows the API key") as broken:
            await at.call()
    assert KEY not in str(broken.value)


async def test_an_answer_that_breaks_off_is_no_whole_one() -> None:
    async with lab(half) as at:
        with pytest.raises(Transient) as broken:
            await at.call("POST", body=[b"{}"])
    assert not isinstance(broken.value, Doubtful)
    assert at.permits.every_permit_was_reported_once


# 429


async def test_a_429_of_the_key_is_waited_for_by_the_next_permit_and_the_body_is_sent_again() -> None:
    limited = refused("PLATFORM.RATE_LIMIT_EXCEEDED", **{**RATE, "ratelimit-reset": "20"})
    async with lab(limited, limited, DONE) as at:
        given, _ = await at.call("POST", body=[b"a", b"b"])
        assert given.status == 200
        assert [each.body for each in at.server.seen] == [b"ab"] * 3
    assert at.reported == ["refused", "refused", "answered"]
    # The permit comes after the reset by itself.
    assert at.slept == [0.0, 0.0]
    assert [each.is_refused for each in at.sent] == [True, True, False]


async def test_a_429_whose_reset_comes_too_late_is_given_as_it_came_and_at_once() -> None:
    headers = {**RATE, "ratelimit-reset": "40"}
    async with lab(refused("PLATFORM.RATE_LIMIT_EXCEEDED", **headers)) as at:
        given, body = await at.call("POST", body=[b"{}"], max_wait=30.0)
    assert (given.status, at.slept) == (429, [])
    assert json.loads(body)["error"]["code"] == "PLATFORM.RATE_LIMIT_EXCEEDED"
    assert (b"ratelimit-reset", b"40") in given.headers
    assert at.reported == ["refused"]


async def test_a_429_for_concurrency_is_backed_off_from_as_long_as_there_is_time() -> None:
    busy = refused("PLATFORM.CONCURRENCY_LIMIT_EXCEEDED")
    async with lab(busy, busy, busy, DONE) as at:
        given, _ = await at.call("POST", body=[b"{}"])
        assert (given.status, at.slept) == (200, [1.0, 2.0, 4.0])
    async with lab(busy, busy) as at:
        given, _ = await at.call("POST", body=[b"{}"], max_wait=2.5)
        assert (given.status, at.slept) == (429, [1.0])
    assert set(at.reported) == {"answered"}


async def test_a_compressed_429_is_understood_and_passes_as_it_came() -> None:
    error = {"code": "PLATFORM.RATE_LIMIT_EXCEEDED", "title": None, "message": "No.", "log_url": None}
    body = gzip.compress(json.dumps({"status": "error", "error": error}).encode())
    headers = {"Content-Encoding": "gzip", "ratelimit-reset": "50"}
    async with lab(answer(429, body, headers)) as at:
        given, received = await at.call(max_wait=1.0)
    assert (given.status, received, at.reported) == (429, body, ["refused"])


@dataclass
class NoPermits(Permits):
    """A limit that is used up."""

    async def permit(
        self, purpose: Purpose, integration_id: str | None, model_name: str | None, *, first: bool = False
    ) -> Permit:
        await asyncio.Event().wait()
        raise AssertionError


async def test_where_no_permit_comes_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "LEAST_WAIT", 0.01)
    async with lab(permits=NoPermits()) as at:
        with pytest.raises(RateLimited) as limited:
            await at.call("POST", body=[b"{}"], max_wait=0.01)
        assert (limited.value.unsent, at.server.seen) == (True, [])


# Sent once


async def test_a_write_without_an_answer_is_not_sent_again_and_says_so() -> None:
    async with lab(hang_up, DONE) as at:
        with pytest.raises(Doubtful, match="may have been carried out"):
            await at.call("POST", body=[b"{}"])
        assert len(at.server.seen) == 1
        assert at.permits.every_permit_was_reported_once
        assert at.sent == [Sent(Purpose.WRITE, None)]


async def test_a_read_without_an_answer_is_sent_once_more() -> None:
    async with lab(hang_up, DONE) as at:
        given, _ = await at.call()
        assert (given.status, len(at.server.seen)) == (200, 2)
    async with lab(hang_up, hang_up, DONE) as at:
        with pytest.raises(Transient):
            await at.call()
        assert len(at.server.seen) == 2


async def test_a_write_that_is_answered_too_late_is_doubtful_and_not_sent_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def never(_: Seen, __: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(forwarding, "LONGEST_SILENCE", 0.1)
    async with lab(never, DONE) as at:
        with pytest.raises(Doubtful, match="silent for too long"):
            await at.call("POST", body=[b"{}"])
        assert len(at.server.seen) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504, 409, 401])
async def test_an_error_of_kombos_is_an_answer_and_nothing_is_sent_again(status: int) -> None:
    async with lab(answer(status, b"upstream connect error", {"Content-Type": "text/plain"}), DONE) as at:
        given, body = await at.call("POST", body=[b"{}"])
        assert (given.status, body, len(at.server.seen)) == (status, b"upstream connect error", 1)


async def test_where_nobody_can_be_connected_to_nothing_was_sent() -> None:
    async with lab() as at:
        unused = Client(
            base_url="http://127.0.0.1:9/v1",
            api_key=KEY,
            permits=at.permits,
            timeout=5.0,
            connections=1,
            version="1",
            clock=lambda: 0.0,
            sleep=asyncio.sleep,
            random=lambda: 0.0,
        )
        request = ForwardedRequest("POST", "/hris/absences", b"/hris/absences", [], ID, Body([b"{}"]))
        async with unused:
            with pytest.raises(Unreachable) as refused_:
                async with unused.forwarder.answering(request, 5.0):
                    raise AssertionError
    assert refused_.value.unsent
    assert at.permits.every_permit_was_reported_once


async def test_who_gives_up_while_the_answer_is_awaited_gives_his_permit_back() -> None:
    async def never(_: Seen, __: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with lab(never) as at:
        waiting = asyncio.create_task(at.call())
        await at.server.asked.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert at.permits.every_permit_was_reported_once
