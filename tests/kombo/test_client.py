"""The client against a real server on a socket that misbehaves by script."""

import asyncio
import gzip
import json
import logging
import os
import socket
import struct
import sys
import traceback
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.abc import MetaPathFinder

import httpx
import pytest
import structlog

from syncer.domain.catalogue.model import Model
from syncer.domain.errors import (
    ConcurrencyLimited,
    CursorRefused,
    IntegrationGone,
    KomboError,
    ModelUnavailable,
    RateLimited,
    RequestRefused,
    Unreachable,
    UsageError,
)
from syncer.domain.ratelimit.budget import Purpose, Rate
from syncer.domain.ratelimit.sent import Sent
from syncer.kombo import connections as connections_module
from syncer.kombo.client import Client
from syncer.kombo.lists import Page
from tests.kombo.permits import Permits
from tests.support.line import Line
from tests.support.scripted_server import RATE, Answer, Message, Seen, answer, serving

KEY = "ks_prod_5ecretNobodyMayRead"
ID = "personio:8d1hpPsbjxUkoCoa1veLZGe5"
EMPLOYEES = Model("hris_employees", "/hris/employees", "Employees", "People", columns=())


def page(*ids: str, next: str | None = None) -> dict[str, object]:
    return {"status": "success", "data": {"next": next, "results": [{"id": id} for id in ids]}}


def error(code: str | None, message: str = "No.") -> dict[str, object]:
    return {"status": "error", "error": {"code": code, "title": None, "message": message, "log_url": None}}


@dataclass
class Lab:
    """A client whose clock, sleep and chance the test holds."""

    client: Client
    permits: Permits
    slept: list[float]
    time: list[float]
    sent: list[Sent]

    async def page(
        self,
        *,
        updated_after: str | None = None,
        cursor: str | None = None,
        filters: Mapping[str, str] | None = None,
    ) -> Page:
        return await self.client.list_page(
            EMPLOYEES,
            ID,
            purpose=Purpose.FULL,
            page_size=250,
            updated_after=updated_after,
            cursor=cursor,
            filters=filters,
        )


@asynccontextmanager
async def lab(
    base_url: str,
    *,
    silence: float = 20.0,
    random: Callable[[], float] = lambda: 0.5,
    sleep: Callable[[float], Awaitable[None]] | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> AsyncIterator[Lab]:
    permits, slept, time, sent = Permits(), list[float](), [1000.0], list[Sent]()

    async def note(seconds: float) -> None:
        slept.append(seconds)

    client = Client(
        base_url=base_url,
        api_key=KEY,
        permits=permits,
        timeout=silence,
        connections=4,
        version="1.2.3",
        clock=lambda: time[0],
        sleep=sleep or note,
        random=random,
        transport=transport,
        on_sent=sent.append,
    )
    async with client:
        yield Lab(client, permits, slept, time, sent)


@pytest.fixture(autouse=True)
def _no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


class Searches(MetaPathFinder):
    """Notes what is searched for, and finds nothing."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def find_spec(self, name: str, *_: object) -> None:
        self.names.append(name)


async def test_a_request_searches_for_no_module(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(answer(200, page("a")), answer(200, page("b"))) as server, lab(server.url) as at:
        await at.page()
        searches = Searches()
        monkeypatch.setattr(sys, "meta_path", [searches, *sys.meta_path])
        await at.page()
    assert searches.names == []


# What goes out


async def test_a_list_request_names_key_integration_program_and_filters_on_every_page() -> None:
    async with (
        serving(answer(200, page("a", next="c2")), answer(200, page("b"))) as server,
        lab(server.url) as at,
    ):
        filters = {"employment_statuses": "ACTIVE,LEAVE"}
        after = "2026-11-21T09:30:15.000Z"
        first = await at.page(updated_after=after, filters=filters)
        await at.page(updated_after=after, filters=filters, cursor=first.next)
    common = {
        "include_deleted": "true",
        "page_size": "250",
        "updated_after": after,
        "employment_statuses": "ACTIVE,LEAVE",
    }
    assert [seen.query for seen in server.seen] == [common, {**common, "cursor": "c2"}]
    for seen in server.seen:
        assert (seen.method, seen.path) == ("GET", "/v1/hris/employees")
        assert seen.headers["authorization"] == f"Bearer {KEY}"
        assert seen.headers["x-integration-id"] == ID
        assert seen.headers["user-agent"] == "syncer/1.2.3"
        assert seen.headers["accept-encoding"] == "gzip, deflate"


async def test_an_integration_is_asked_for_by_path_alone() -> None:
    reply = {"status": "success", "data": {"id": "hr:a/b", "status": "ACTIVE"}}
    async with serving(answer(200, reply)) as server, lab(server.url) as at:
        integration = await at.client.integration("hr:a/b", purpose=Purpose.INCREMENTAL)
    assert integration.status == "ACTIVE"
    assert server.seen[0].path == "/v1/integrations/hr:a%2Fb"
    assert "x-integration-id" not in server.seen[0].headers
    assert at.permits.asked == [(Purpose.INCREMENTAL, "hr:a/b", None)]


async def test_the_key_is_checked_for_no_integration() -> None:
    reply = {"status": "success", "data": {"environment_id": "env"}}
    async with serving(answer(200, reply)) as server, lab(server.url) as at:
        assert await at.client.check_key(purpose=Purpose.WRITE) == "env"
    assert server.seen[0].path == "/v1/check-api-key"
    assert "x-integration-id" not in server.seen[0].headers
    assert at.permits.asked == [(Purpose.WRITE, None, None)]


async def test_a_cookie_is_not_kept() -> None:
    cookies = {"Set-Cookie": "session=1; Path=/"}
    async with (
        serving(answer(200, page("a"), cookies), answer(200, page("b"))) as server,
        lab(server.url) as at,
    ):
        await at.page()
        await at.page()
    assert ["cookie" in each.headers for each in server.seen] == [False, False]


async def test_a_redirect_is_not_followed() -> None:
    async with serving(answer(302, b"", {"Location": "/v1/elsewhere"})) as server, lab(server.url) as at:
        with pytest.raises(RequestRefused, match="base_url"):
            await at.page()
    assert len(server.seen) == 1


@pytest.mark.parametrize("key", ["", "ks_prod x", "ks_prod\n", "ks_prod_\u00fc"])
def test_a_key_that_no_header_can_carry_is_refused_without_repeating_it(key: str) -> None:
    with pytest.raises(UsageError) as caught:
        silent_client(api_key=key)
    assert "ks_prod" not in str(caught.value)


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "api.kombo.dev/v1",
        "ftp://api.kombo.dev/v1",
        "https:///v1",
        "https://host:port/v1",
        "https://host:99999/v1",
        "https://\u00fc..x/v1",
        "https://user:password@api.kombo.dev/v1",
    ],
)
def test_an_address_that_cannot_serve_is_refused_without_repeating_it(base_url: str) -> None:
    with pytest.raises(UsageError, match="base_url") as caught:
        silent_client(base_url=base_url)
    assert "password" not in str(caught.value)


@pytest.mark.parametrize("integration_id", ["personio:1\r\nX-Evil: 1", "personio:\x00"])
async def test_an_id_that_no_header_can_carry_is_refused_at_once(integration_id: str) -> None:
    async with serving() as server, lab(server.url) as at:
        with pytest.raises(RequestRefused, match="id cannot be sent"):
            await at.client.list_page(EMPLOYEES, integration_id, purpose=Purpose.FULL, page_size=1)
    assert server.seen == []
    assert at.permits.every_permit_was_reported_once


def silent_client(*, base_url: str = "https://api.kombo.dev/v1", api_key: str = KEY) -> Client:
    """A client that must not send anything."""

    async def sleep(_: float) -> None:
        raise AssertionError("nothing is sent")

    return Client(
        base_url=base_url,
        api_key=api_key,
        permits=Permits(),
        timeout=1.0,
        connections=1,
        version="1",
        clock=lambda: 0.0,
        sleep=sleep,
        random=lambda: 0.0,
    )


# What comes back


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [
        ("gzip", gzip.compress),
        ("GZIP", lambda body: gzip.compress(body[:20]) + gzip.compress(body[20:])),
        ("deflate", zlib.compress),
        ("deflate", lambda body: zlib.compress(body, wbits=-zlib.MAX_WBITS)),
        ("deflate, gzip", lambda body: gzip.compress(zlib.compress(body))),
        ("identity", bytes),
    ],
)
async def test_compressed_answers_are_read(encoding: str, compress: Callable[[bytes], bytes]) -> None:
    body = compress(json.dumps(page("a")).encode())
    async with (
        serving(answer(200, body, {"Content-Encoding": encoding})) as server,
        lab(server.url) as at,
    ):
        assert (await at.page()).results == (b'{"id": "a"}',)


async def test_a_page_started_on_the_servers_clock_when_its_own_attempt_was_sent() -> None:
    async def slow(seen: Seen, writer: asyncio.StreamWriter) -> None:
        at.time[0] += 2.5
        await answer(200, page("a"))(seen, writer)

    async def slow_failure(seen: Seen, writer: asyncio.StreamWriter) -> None:
        at.time[0] += 100
        early = {"Date": "Sat, 21 Nov 2026 01:00:00 GMT"}
        await answer(502, b"Bad Gateway", early)(seen, writer)

    async with serving(slow_failure, slow) as server, lab(server.url) as at:
        got = await at.page()
    assert got.duration == 2.5
    assert got.served_at == datetime(2026, 11, 21, 9, 30, 15, tzinfo=UTC)
    assert got.started_at == datetime(2026, 11, 21, 9, 30, 12, 500_000, tzinfo=UTC)


async def test_the_gate_learns_the_rate_from_every_answer() -> None:
    async with (
        serving(answer(500, b"", {**RATE, "ratelimit-remaining": "297"}), answer(200, page())) as server,
        lab(server.url) as at,
    ):
        await at.page()
    assert at.permits.told == [("answered", 1, Rate(300, 297, 57.0)), ("answered", 2, Rate(300, 298, 57.0))]


# Failures that pass


async def hang_up(_: Seen, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def reset(_: Seen, writer: asyncio.StreamWriter) -> None:
    """Half a body, then a TCP reset."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b'{"status":"success"')
    await writer.drain()
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def half_a_body(_: Seen, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b'{"status":"success"')
    writer.close()


async def half_closed(_: Seen, writer: asyncio.StreamWriter) -> None:
    """Half a body and no more to come, though the server would still listen."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b'{"status":"success"')
    writer.write_eof()


async def half_a_chunk(_: Seen, writer: asyncio.StreamWriter) -> None:
    writer.write(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n13\r\n{"status":"success"\r\n')
    writer.close()


async def a_body_without_an_end(_: Seen, writer: asyncio.StreamWriter) -> None:
    """Neither length nor chunks: the closed connection looks like the end."""
    writer.write(b'HTTP/1.1 200 OK\r\n\r\n{"status":"success","data":{"next":null,"results":[{"id":"a"}')
    writer.close()


async def not_http(_: Seen, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
    writer.close()


BROKEN = {
    "hang_up": hang_up,
    "reset": reset,
    "half_a_body": half_a_body,
    "half_closed": half_closed,
    "half_a_chunk": half_a_chunk,
    "a_body_without_an_end": a_body_without_an_end,
    "not_http": not_http,
    "bad_gzip": answer(200, b"not gzip", {"Content-Encoding": "gzip"}),
    "half_gzip": answer(
        200, gzip.compress(json.dumps(page("a")).encode())[:-20], {"Content-Encoding": "gzip"}
    ),
    "half_deflate": answer(
        200, zlib.compress(json.dumps(page("a")).encode())[:-5], {"Content-Encoding": "deflate"}
    ),
    "html": answer(502, b"<html>502 Bad Gateway</html>"),
    "maintenance": answer(200, b"<html>Back soon</html>"),
    "unexpected": answer(500, error(None)),
}


@pytest.mark.parametrize("fault", BROKEN)
async def test_a_broken_answer_is_asked_for_again_and_loses_nothing(fault: str) -> None:
    async with serving(BROKEN[fault], answer(200, page("a"))) as server, lab(server.url) as at:
        got = await at.page()
    assert got.results == (b'{"id": "a"}',)
    assert len(server.seen) == 2
    assert at.slept == [1.0]
    assert at.permits.every_permit_was_reported_once


async def test_what_follows_too_short_an_answer_never_becomes_a_page() -> None:
    too_long = answer(200, page("a"), {"Content-Length": "20"})
    async with serving(too_long, *[answer(200, page("b"))] * 2) as server, lab(server.url) as at:
        assert (await at.page()).results == (b'{"id": "b"}',)
    assert at.slept == [1.0, 2.0]


async def silence(_: Seen, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def drip(_: Seen, writer: asyncio.StreamWriter) -> None:
    """A byte now and then, for ever: never silent, never done."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while not writer.is_closing():
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.01)


async def test_a_silent_server_does_not_hold_the_request() -> None:
    async with serving(silence, *[answer(200, page("a"))] * 5) as server, lab(server.url, silence=0.1) as at:
        with structlog.testing.capture_logs() as logs:
            assert len((await at.page()).results) == 1
    assert "silent" in logs[0]["reason"]
    assert at.permits.every_permit_was_reported_once


async def test_a_server_that_never_ends_its_answer_does_not_hold_the_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connections_module, "LONGEST_REQUEST", 0.025)
    async with serving(drip, *[answer(200, page("a"))] * 5) as server, lab(server.url, silence=20) as at:
        with structlog.testing.capture_logs() as logs:
            assert len((await at.page()).results) == 1
    assert "not complete after 0.5 s" in logs[0]["reason"]
    assert at.permits.every_permit_was_reported_once


async def test_nobody_listening_is_told_soon_and_names_the_host() -> None:
    async with serving() as server:
        url = server.url
    async with lab(url) as at:
        with pytest.raises(Unreachable, match=r"127\.0\.0\.1:\d+ to /hris/employees") as caught:
            await at.page(filters={"work_emails": "ada@example.com"})
    assert "ada@example.com" not in str(caught.value)
    assert (caught.value.integration_id, caught.value.unsent) == (ID, True)
    assert len(at.permits.asked) == 3
    assert at.permits.every_permit_was_reported_once
    assert at.slept == [0.25, 0.5]


async def test_an_outage_is_met_once_for_all_requests_and_probed_until_it_is_over() -> None:
    async with serving(*[answer(200, page("a"))] * 3) as server:
        line = Line(httpx.AsyncHTTPTransport())
        async with lab(server.url, transport=line) as at:
            await at.page()
            line.is_cut = True
            with structlog.testing.capture_logs() as logs:
                with pytest.raises(Unreachable):
                    await at.page()
                # Somebody has answered before, so the line may be back in a moment.
                assert (line.tried, at.slept) == (6, [1, 2, 4, 8, 15])
                for _ in range(20):
                    with pytest.raises(Unreachable, match="Connection refused; check the network") as known:
                        await at.page()
                assert (line.tried, len(at.permits.asked)) == (6, 7)
                assert "/hris/employees" not in str(known.value)
                for pause in (5, 10, 20, 40, 60, 60):
                    at.time[0] += pause - 0.1
                    with pytest.raises(Unreachable):
                        await at.page()
                    tried = line.tried
                    at.time[0] += 0.1
                    with pytest.raises(Unreachable):
                        await at.page()
                    assert line.tried == tried + 1, "one probe, and no more"
                line.is_cut = False
                at.time[0] += 60
                await at.page()
                await at.page()
    assert [each["event"] for each in logs if each["event"] != "request_retried"] == [
        "kombo_unreachable",
        "kombo_back",
    ]
    assert {each["log_level"] for each in logs if each["event"] == "request_retried"} == {"info"}
    assert at.permits.every_permit_was_reported_once


async def test_retries_are_told_with_integration_and_model() -> None:
    async with serving(answer(503, b""), answer(200, page())) as server, lab(server.url) as at:
        with structlog.testing.capture_logs() as logs:
            await at.page()
    assert logs == [
        {
            "event": "request_retried",
            "log_level": "warning",
            "reason": "Kombo answered HTTP 503: Service Unavailable.",
            "wait": 1.0,
            "integration": ID,
            "model": "hris_employees",
        }
    ]


# Refusals


async def test_a_used_up_budget_is_reported_and_tried_again_at_once() -> None:
    refused = answer(
        429,
        error("PLATFORM.RATE_LIMIT_EXCEEDED"),
        {**RATE, "ratelimit-remaining": "0", "ratelimit-reset": "41"},
    )
    async with serving(refused, answer(200, page("a"))) as server, lab(server.url) as at:
        await at.page()
    assert at.permits.told == [
        ("refused", 1, Rate(300, 0, 41.0), 41.0),
        ("answered", 2, Rate(300, 298, 57.0)),
    ]
    assert at.slept == []


async def test_every_attempt_is_told_once_with_what_came_of_it() -> None:
    refused = answer(429, error("PLATFORM.RATE_LIMIT_EXCEEDED"), RATE)
    busy = answer(429, error("PLATFORM.CONCURRENCY_LIMIT_EXCEEDED"), RATE)
    script = (refused, busy, hang_up, answer(200, {"data": None}), answer(200, page("a")))
    async with serving(*script) as server, lab(server.url) as at:
        await at.page()
    assert at.sent == [
        (Purpose.FULL, 429, True),
        (Purpose.FULL, 429, False),
        (Purpose.FULL, None, False),
        (Purpose.FULL, 200, False),
        (Purpose.FULL, 200, False),
    ]


async def test_a_server_that_refuses_for_ever_is_not_asked_for_ever() -> None:
    async with serving(*[answer(429, b"") for _ in range(20)]) as server, lab(server.url) as at:
        with pytest.raises(RateLimited):
            await at.page()
    assert len(server.seen) == 10
    assert at.permits.every_permit_was_reported_once


async def test_the_concurrency_limit_leaves_the_budget_alone_and_backs_off() -> None:
    limited = answer(429, error("PLATFORM.CONCURRENCY_LIMIT_EXCEEDED"))
    async with serving(*[limited] * 6) as server, lab(server.url, random=lambda: 0.0) as at:
        with pytest.raises(ConcurrencyLimited):
            await at.page()
    assert at.slept == [1, 1, 1, 1, 1]
    assert {told[0] for told in at.permits.told} == {"answered"}


@pytest.mark.parametrize(
    ("status", "code", "cursor", "kind"),
    [
        (403, "INTEGRATION.MODEL_DISABLED", None, ModelUnavailable),
        (404, "PLATFORM.INTEGRATION_NOT_FOUND", None, IntegrationGone),
        (400, "PLATFORM.INPUT_INVALID", None, RequestRefused),
        (400, "PLATFORM.INPUT_INVALID", "c2", CursorRefused),
    ],
)
async def test_what_a_retry_cannot_mend_is_not_tried_again(
    status: int, code: str, cursor: str | None, kind: type[KomboError]
) -> None:
    async with serving(answer(status, error(code))) as server, lab(server.url) as at:
        with pytest.raises(KomboError) as caught:
            await at.page(cursor=cursor)
    assert type(caught.value) is kind
    assert len(server.seen) == 1
    assert at.permits.told == [("answered", 1, Rate(300, 298, 57.0))]


# Cancellation


async def test_a_cancelled_request_gives_its_permit_back_once() -> None:
    async with serving(silence) as server, lab(server.url) as at:
        task = asyncio.create_task(at.page())
        await server.asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert at.permits.told == [("answered", 1, None)]


# Secrets


async def echo(seen: Seen, writer: asyncio.StreamWriter) -> None:
    message = f"{'x' * 190} {seen.headers['authorization']}"
    await answer(400, error(KEY, message), {"X-Echo": KEY})(seen, writer)


async def echo_escaped(seen: Seen, writer: asyncio.StreamWriter) -> None:
    escaped = "".join(f"\\u{ord(char):04x}" for char in KEY)
    await answer(401, b'{"status":"error","error":{"code":null,"message":"%b"}}' % escaped.encode())(
        seen, writer
    )


async def echo_text(seen: Seen, writer: asyncio.StreamWriter) -> None:
    await answer(403, f"<html>{seen.headers['authorization']}</html>".encode())(seen, writer)


async def echo_location(seen: Seen, writer: asyncio.StreamWriter) -> None:
    await answer(302, b"", {"Location": f"https://{KEY}@elsewhere.example/{KEY}"})(seen, writer)


async def echo_status_line(seen: Seen, writer: asyncio.StreamWriter) -> None:
    writer.write(f"{seen.headers['authorization']}\r\n\r\n".encode())
    writer.close()


async def echo_value(seen: Seen, writer: asyncio.StreamWriter) -> None:
    await answer(200, {"status": KEY, "data": {KEY: KEY, "next": None, "results": {KEY: KEY}}})(seen, writer)


@pytest.mark.parametrize(
    "echoing", [echo, echo_escaped, echo_text, echo_location, echo_status_line, echo_value]
)
async def test_no_error_and_no_log_line_holds_the_key_even_if_the_server_repeats_it(
    echoing: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with serving(*[echoing] * 6) as server, lab(server.url) as at:
        with structlog.testing.capture_logs() as logs, pytest.raises(KomboError) as caught:
            await at.page()
    for text in (
        repr(caught.value),
        repr(vars(caught.value)),
        "".join(traceback.format_exception(caught.value)),
        repr(logs),
        caplog.text,
        repr(at.client),
    ):
        assert KEY not in text
        assert "ks_prod" not in text


# Connections


async def test_connections_are_used_again_and_closed_with_the_client() -> None:
    ports: set[int] = set()

    async def note(seen: Seen, writer: asyncio.StreamWriter) -> None:
        ports.add(writer.get_extra_info("peername")[1])
        await answer(200, page())(seen, writer)

    async with serving(note, note, note) as server:
        async with lab(server.url) as at:
            for _ in range(3):
                await at.page()
        with pytest.raises(RuntimeError, match="closed"):
            await at.page()
    assert len(ports) == 1


async def test_another_transport_can_stand_for_the_network() -> None:
    async def app(_: object, __: object, send: Callable[[Message], Awaitable[None]]) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(page("a")).encode()})

    async with lab("http://kombo.test/v1", transport=httpx.ASGITransport(app)) as at:
        assert (await at.page()).served_at is None
