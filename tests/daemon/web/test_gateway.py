"""The gateway's front: who is let in, what is forwarded, and what becomes of it."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import hmac
import json
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from syncer.app import App
from syncer.config.settings import Settings
from syncer.daemon.service import run_service
from syncer.daemon.web import spool
from syncer.domain.errors import UsageError
from syncer.domain.limits import MIB, MOST_CALL_BYTES
from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.stream_key import StreamKey
from syncer.kombo import forwarding
from syncer.operations.forward import limit_headers
from tests.support.databases import migrated_database
from tests.support.gateway_lab import HEADERS, INTEGRATION, KEY, TOKEN, GatewayLab, gateway
from tests.support.scripted_server import RATE, Answer, Seen, answer, serving
from tests.support.waiting import PATIENCE, until_async

DONE = answer(200, {"status": "success", "data": {}})
#: Nobody who sends or is told of has such a name in what is kept.
PERSON = "margarethe.nobody@example.com"

#: Seconds that a call waits for a permit which it does not get.
SOON = 0.05


@pytest.fixture
def sqlite(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated database: what is tried here is the same with both."""
    with migrated_database(request, "sqlite", tmp_path) as url:
        yield url


def refusal(body: bytes) -> dict[str, object]:
    """The error in an answer of the gateway's own, which has the form of Kombo's."""
    envelope = json.loads(body)
    assert envelope["status"] == "error"
    assert set(envelope["error"]) == {"code", "title", "message", "log_url"}
    error: dict[str, object] = envelope["error"]
    return error


async def never(_: Seen, __: asyncio.StreamWriter) -> None:
    """Keep silent for ever."""
    await asyncio.Event().wait()


# Who is let in


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Basic {TOKEN}",
        f"Bearer {KEY}",
        TOKEN,
        f"Bearer {TOKEN}, Bearer {TOKEN}",
    ],
)
async def test_nothing_but_the_token_opens_the_gateway(sqlite: str, authorization: str | None) -> None:
    async with gateway(sqlite, DONE) as at:
        del at.client.headers["Authorization"]
        headers = {} if authorization is None else {"Authorization": authorization}
        given = await at.client.get("/hris/employees", headers=headers)
        assert given.status_code == 401
        assert refusal(given.content)["code"] == "PLATFORM.AUTHENTICATION_INVALID"
        assert given.headers["www-authenticate"] == 'Bearer realm="syncer gateway"'
        assert at.kombo.seen == []
        await at.until_counted("refused")
        assert at.lines == []


async def test_two_tokens_are_none(sqlite: str) -> None:
    async with gateway(sqlite, DONE) as at:
        twice = f"Authorization: Bearer {TOKEN}\r\n" * 2
        head = f"GET /gateway/v1/hris/employees HTTP/1.1\r\nHost: x\r\n{twice}Connection: close\r\n\r\n"
        assert (await at.raw(head.encode())).startswith(b"HTTP/1.1 401 ")
        assert at.kombo.seen == []


async def test_the_token_is_compared_in_constant_time(sqlite: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[object, object]] = []

    compare_digest = hmac.compare_digest

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return compare_digest(one, other)

    monkeypatch.setattr("hmac.compare_digest", compare)
    async with gateway(sqlite) as at:
        await at.client.get("/x", headers={"Authorization": "Bearer wrong"})
    assert compared == [(b"wrong", TOKEN.encode())]


async def test_the_token_of_the_pages_and_that_of_the_gateway_open_one_each(sqlite: str) -> None:
    async with gateway(sqlite, DONE, web={"port": 0, "token": "token-of-the-pages"}) as at:
        page = str(at.client.base_url).removesuffix("/gateway/v1/")
        assert (await at.client.get(f"{page}/status")).status_code == 401
        web = {"Authorization": "Bearer token-of-the-pages"}
        assert (await at.client.get("/hris/employees", headers=web)).status_code == 401
        assert (await at.client.get(f"{page}/status", headers=web)).status_code == 200
        assert (await at.client.get("/check-api-key")).status_code == 200


async def test_where_it_is_not_enabled_there_is_none(sqlite: str) -> None:
    async with gateway(sqlite, gateway={"enabled": False}) as at:
        assert (await at.client.get("/hris/employees")).status_code == 404


@pytest.mark.parametrize("web", [{}, {"enabled": False}])
async def test_without_a_token_the_service_does_not_start(sqlite: str, web: dict[str, object]) -> None:
    tables = {"kombo": {"api_key": KEY}, "database": {"url": sqlite}, "web": {"port": 0, **web}}
    async with App(Settings(**tables, gateway={"enabled": True})) as app:  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="gateway") as refused:
            await run_service(app, handle_signals=False)
    assert refused.value.exit_code == 2


# What is forwarded


async def test_a_call_is_forwarded_as_it_came_but_for_what_is_of_its_connection(sqlite: str) -> None:
    own = {"X-Own": "1", "User-Agent": "app/1", "Cookie": "a=b", "X-Forwarded-For": "10.0.0.7"}
    answered = {"X-Kombo": "2", "Connection": "keep-alive", "Content-Type": "text/plain"}
    async with gateway(sqlite, answer(418, b"tea", answered)) as at:
        given = await at.client.post(
            "/ats/jobs/26v/applications?a=%2C&a=+b", json={"candidate": PERSON}, headers=own
        )
        [seen] = at.kombo.seen
        assert (given.status_code, given.content) == (418, b"tea")
        assert (given.headers["x-kombo"], given.headers["x-mirror"]) == ("2", "miss")
        assert given.headers["content-type"] == "text/plain"
        assert given.headers.get_list("date") == ["Sat, 21 Nov 2026 09:30:15 GMT"]
        assert given.headers["ratelimit-remaining"] == "298"
        assert "content-security-policy" not in given.headers
    assert (seen.method, seen.target) == ("POST", "/v1/ats/jobs/26v/applications?a=%2C&a=+b")
    assert json.loads(seen.body) == {"candidate": PERSON}
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert (seen.headers["x-integration-id"], seen.headers["x-own"]) == (INTEGRATION, "1")
    assert seen.headers["user-agent"] == "app/1"
    assert not {"cookie", "x-forwarded-for", "transfer-encoding"} & seen.headers.keys()
    assert TOKEN not in str(seen)


async def test_a_form_of_several_parts_passes_byte_for_byte(sqlite: str) -> None:
    async with gateway(sqlite, DONE) as at:
        request = at.client.build_request(
            "POST", "/hris/employees/26v/documents", files={"file": ("cv.pdf", b"%PDF\xff\r\n--x", "a/pdf")}
        )
        body = request.read()
        await at.client.send(request)
        [seen] = at.kombo.seen
    assert seen.body == body
    assert seen.headers["content-type"] == request.headers["content-type"]


async def test_a_compressed_answer_passes_compressed_to_whoever_can_read_it(sqlite: str) -> None:
    zipped = gzip.compress(b"x" * 10_000)
    async with gateway(sqlite, answer(200, zipped, {"Content-Encoding": "gzip"}), DONE) as at:
        async with at.client.stream("GET", "/unknown", headers={"Accept-Encoding": "br, gzip"}) as given:
            assert b"".join([piece async for piece in given.aiter_raw()]) == zipped
        await at.client.get("/unknown", headers={"Accept-Encoding": ""})
        assert [each.headers["accept-encoding"] for each in at.kombo.seen] == ["gzip", "identity"]


async def test_a_large_body_takes_no_more_memory_than_a_part_of_it(sqlite: str) -> None:
    size, piece = 24 * MIB, b"0123456789abcdef" * 4096

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(size // len(piece)):
            yield piece

    digests: list[str] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        assert b"content-length: %d\r\n" % size in head
        digest, left = hashlib.sha256(), size
        while left:
            read = await reader.read(64 * 1024)
            digest.update(read)
            left -= len(read)
        digests.append(digest.hexdigest())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        writer.close()

    async with await asyncio.start_server(take, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        async with gateway(sqlite, kombo={"api_key": KEY, "base_url": url}) as at:
            tracemalloc.start()
            try:
                given = await at.client.post("/hris/employees/26v/documents", content=parts())
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
            assert given.status_code == 200
    assert digests == [hashlib.sha256(piece * (size // len(piece))).hexdigest()]
    assert peak < size / 3


async def test_where_there_is_no_room_for_a_body_nothing_is_sent(
    sqlite: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(spool, "IN_MEMORY", 10)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "not there"))
    async with gateway(sqlite, DONE) as at:
        given = await at.client.post("/hris/absences", content=b"x" * 100)
        assert (given.status_code, at.kombo.seen) == (503, [])
        assert "Nothing was sent" in str(refusal(given.content)["message"])
        assert (await at.client.post("/hris/absences", content=b"x")).status_code == 200


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "FOO"])
async def test_methods_that_the_api_does_not_have_are_not_forwarded(sqlite: str, method: str) -> None:
    async with gateway(sqlite, DONE) as at:
        given = await at.client.request(method, "/hris/employees")
        assert (given.status_code, at.kombo.seen) == (405, [])
        assert given.headers["allow"] == "GET, HEAD, POST, PUT, PATCH, DELETE"


async def test_a_head_is_answered_without_a_body(sqlite: str) -> None:
    async with gateway(sqlite, answer(200, b"", {"Content-Length": "17"}), DONE) as at:
        given = await at.client.head("/hris/employees")
        assert (given.status_code, given.content) == (200, b"")
        assert (await at.client.get("/check-api-key")).status_code == 200


# Tricks


@pytest.mark.parametrize(
    "target",
    [
        "/gateway/v1/../status",
        "/gateway/v1/hris/../../admin",
        "/gateway/v1//elsewhere.example/x",
        "/gateway/v1/hris%2F..%2Fadmin",
        "/gateway/v1/%2e%2e/admin",
        "/gateway%2Fv1/hris/employees",
        "/gateway/v1/hris/employees#x",
        "/gateway/v1/x%0d%0aX-Injected:1",
        "http://elsewhere.example/gateway/v1/hris/employees",
        "http://elsewhere.example/v1/hris/employees",
        "//elsewhere.example/gateway/v1/hris",
        "*",
    ],
)
async def test_a_trick_with_the_path_does_not_reach_kombo(sqlite: str, target: str) -> None:
    async with gateway(sqlite, DONE) as at:
        head = f"GET {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
        given = await at.raw(f"{head}Connection: close\r\n\r\n".encode())
        assert given.split(b" ", 2)[1] in (b"400", b"404")
        assert at.kombo.seen == []


async def test_a_body_that_is_too_long_is_refused_in_kombos_words(sqlite: str) -> None:
    async with gateway(sqlite, DONE) as at:
        head = f"POST /gateway/v1/hris/groups HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
        given = await at.raw(f"{head}Content-Length: {MOST_CALL_BYTES + 1}\r\n\r\n".encode())
        assert given.startswith(b"HTTP/1.1 413 ")
        error = json.loads(given.partition(b"\r\n\r\n")[2])["error"]
        assert error.keys() == {"code", "title", "message", "log_url"}
        assert "64 MiB" in error["message"]
        assert at.kombo.seen == []


@pytest.mark.parametrize(
    "lines",
    [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
        "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "X: 1\nY: 2\r\nContent-Length: +5\r\n\r\nabcde",
        "X-Own: a\r\n b\rInjected: c\r\n\r\n",
    ],
)
async def test_a_request_that_can_be_read_in_two_ways_does_not_reach_kombo(sqlite: str, lines: str) -> None:
    smuggled = f"POST /gateway/v1/hris/absences HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    async with gateway(sqlite, DONE, DONE) as at:
        head = f"POST /gateway/v1/force-sync HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
        given = await at.raw((head + lines + smuggled).encode())
        assert given.split(b" ", 2)[1] in (b"400", b"501")
        assert at.kombo.seen == []


@pytest.mark.parametrize(
    "headers",
    [
        [("X-Integration-Id", "a"), ("X-Integration-Id", "b")],
        [("X-Mirror", "hit")],
        [("X-Mirror-Environment", "nowhere")],
    ],
)
async def test_a_head_that_says_two_things_or_none_is_refused(
    sqlite: str, headers: list[tuple[str, str]]
) -> None:
    async with gateway(sqlite, DONE) as at:
        del at.client.headers["X-Integration-Id"]
        given = await at.client.get("/hris/employees", headers=headers)
        assert (given.status_code, at.kombo.seen) == (400, [])
        assert refusal(given.content)["code"] == "PLATFORM.INPUT_INVALID"


# The budget


async def test_a_429_of_kombos_does_not_reach_the_application_while_it_can_wait(sqlite: str) -> None:
    error = {"code": "PLATFORM.RATE_LIMIT_EXCEEDED", "title": None, "message": "No.", "log_url": None}
    limited = answer(429, {"status": "error", "error": error}, {**RATE, "ratelimit-reset": "1"})
    async with gateway(sqlite, limited, DONE) as at:
        given = await at.client.post("/hris/absences", content=b"once")
        assert given.status_code == 200
        assert [each.body for each in at.kombo.seen] == [b"once", b"once"]


async def test_where_the_limit_is_used_up_for_longer_a_call_is_answered_with_it(
    sqlite: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forwarding, "LEAST_WAIT", PATIENCE)
    used = answer(200, {}, {"ratelimit-limit": "10", "ratelimit-remaining": "0", "ratelimit-reset": "50"})
    async with gateway(sqlite, used, gateway={"max_wait": "0s"}) as at:
        assert (await at.client.get("/check-api-key")).status_code == 200
        monkeypatch.setattr(forwarding, "LEAST_WAIT", SOON)
        for call in (at.client.get("/x"), at.client.post("/x")):
            given = await call
            assert given.status_code == 429
            assert refusal(given.content)["code"] == "PLATFORM.RATE_LIMIT_EXCEEDED"
            assert given.headers["ratelimit-limit"] == "10"
            assert given.headers["ratelimit-remaining"] == "0"
            assert 45 <= int(given.headers["ratelimit-reset"]) <= 52
            assert given.headers["retry-after"] == given.headers["ratelimit-reset"]
        await at.until_counted("limited", 2)
        assert len(at.kombo.seen) == 1


async def test_a_write_passes_where_reads_have_used_up_their_share(
    sqlite: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forwarding, "LEAST_WAIT", PATIENCE)
    told = {"ratelimit-limit": "10", "ratelimit-remaining": "1", "ratelimit-reset": "50"}
    async with gateway(sqlite, answer(200, {}, told), DONE, gateway={"max_wait": "0s"}) as at:
        assert (await at.client.get("/check-api-key")).status_code == 200
        monkeypatch.setattr(forwarding, "LEAST_WAIT", SOON)
        assert (await at.client.get("/check-api-key")).status_code == 429
        monkeypatch.setattr(forwarding, "LEAST_WAIT", PATIENCE)
        assert (await at.client.post("/force-sync")).status_code == 200


async def test_several_processes_share_the_limit(sqlite: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "LEAST_WAIT", PATIENCE)
    used = answer(200, {}, {"ratelimit-limit": "10", "ratelimit-remaining": "0", "ratelimit-reset": "50"})
    patience: dict[str, object] = {"gateway": {"max_wait": "0s"}}
    async with gateway(sqlite, used, **patience) as at, gateway(sqlite, DONE, **patience) as other:
        assert (await at.client.post("/force-sync")).status_code == 200
        # What an answer has told is written within a fraction of a second.
        await until_async(lambda: told_remaining(at) == 0, "the budget hears of it")
        monkeypatch.setattr(forwarding, "LEAST_WAIT", SOON)
        assert (await other.client.post("/force-sync")).status_code == 429
        assert other.kombo.seen == []


def told_remaining(at: GatewayLab) -> int:
    """What is left of the limit, as the shared budget says."""
    headers = limit_headers(at.app.environments["default"], may_use_reserve=True)
    return int(headers.get("ratelimit-remaining", "-1"))


# Nobody answers


async def hang_up(_: Seen, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def half(_: Seen, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it")
    await writer.drain()
    writer.close()


async def test_a_write_whose_answer_is_missing_is_told_to_be_doubtful(sqlite: str) -> None:
    async with gateway(sqlite, hang_up, DONE) as at:
        given = await at.client.post("/hris/absences", json={})
        assert (given.status_code, len(at.kombo.seen)) == (502, 1)
        error = refusal(given.content)
        assert (error["code"], error["title"]) == (None, "Outcome unknown")
        assert "may have been carried out" in str(error["message"])
        assert KEY not in given.text
        await at.until_counted("doubtful")


async def test_where_kombo_cannot_be_reached_a_call_can_be_sent_again(sqlite: str) -> None:
    async with gateway(sqlite, kombo={"api_key": KEY, "base_url": "http://127.0.0.1:9/v1"}) as at:
        given = await at.client.post("/hris/absences", json={})
        assert given.status_code == 503
        assert "Nothing was sent" in str(refusal(given.content)["message"])
        assert given.headers["retry-after"] == "5"
        await at.until_counted("unsent")


async def test_an_answer_that_breaks_off_breaks_off_for_the_application(sqlite: str) -> None:
    async with gateway(sqlite, half) as at:
        head = f"GET /gateway/v1/x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
        given = await at.raw(head.encode())
        assert given.startswith(b"HTTP/1.1 200 OK")
        assert given.endswith(b"half of it")
        await at.until_counted("broken")
        assert [each for each in at.logged if each["log_level"] == "error"] == []


async def test_before_the_mirror_is_open_nothing_is_sent(sqlite: str) -> None:
    async with gateway(sqlite, DONE) as at:
        open_ones, at.calls.environments = at.calls.environments, {}
        given = await at.client.get("/hris/employees")
        assert (given.status_code, at.kombo.seen) == (503, [])
        at.calls.environments = open_ones
        assert (await at.client.get("/hris/employees")).status_code == 200


# Who hangs up


async def hanging_up(at: GatewayLab, method: str) -> None:
    """Send a call, and go as soon as Kombo has it."""
    _, writer = await asyncio.open_connection(*at.address)
    lines = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
    head = f"{method} /gateway/v1/hris/absences HTTP/1.1\r\nHost: x\r\n{lines}Content-Length: 2\r\n\r\n"
    writer.write(head.encode() + b"{}")
    async with asyncio.timeout(PATIENCE):
        await at.kombo.asked.wait()
    writer.close()


async def test_a_read_ends_with_whoever_asked(sqlite: str) -> None:
    async with gateway(sqlite, never) as at:
        await hanging_up(at, "GET")
        await at.until_counted("gone")
        await until_async(lambda: not at.calls.under_way, "the end of the call")


async def test_a_write_goes_on_to_its_end_without_whoever_asked(sqlite: str) -> None:
    release = asyncio.Event()

    async def late(seen: Seen, writer: asyncio.StreamWriter) -> None:
        await release.wait()
        await DONE(seen, writer)

    async with gateway(sqlite, late) as at:
        await hanging_up(at, "POST")
        await until_async(lambda: len(at.kombo.connections) == 1, "the request")
        assert at.calls.under_way
        release.set()
        await at.until_counted("miss")
    [line] = at.lines
    assert (line["method"], line["outcome"]) == ("POST", "miss")


async def test_who_goes_before_the_body_is_whole_has_sent_nothing(sqlite: str) -> None:
    async with gateway(sqlite, DONE) as at:
        _, writer = await asyncio.open_connection(*at.address)
        lines = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
        head = f"POST /gateway/v1/hris/absences HTTP/1.1\r\nHost: x\r\n{lines}Content-Length: 9\r\n\r\n"
        writer.write(head.encode() + b"half")
        await writer.drain()
        writer.close()
        await at.until_counted("gone")
        assert at.kombo.seen == []


# What a write has changed


@pytest.mark.parametrize(
    ("outcome", "is_read"),
    [
        (DONE, True),
        (hang_up, True),
        (answer(502, b"bad gateway"), True),
        (answer(400, {"status": "error"}), False),
        (answer(404, b""), False),
    ],
    ids=["done", "no answer", "502", "400", "404"],
)
async def test_what_a_write_has_changed_or_may_have_is_due_at_once(
    sqlite: str, outcome: Answer, is_read: bool
) -> None:
    absences, groups = StreamKey(INTEGRATION, "hris_absences"), StreamKey(INTEGRATION, "hris_groups")
    async with gateway(sqlite, outcome, DONE, DONE) as at:
        streams = at.app.environments["default"].streams

        def due() -> dict[StreamKey, int]:
            with at.app.database.read() as connection:
                now = at.app.database.now(connection)
                return streams.due(connection, now, lambda _: False, 10)

        with at.app.database.begin() as connection:
            streams.add(connection, [absences, groups])
        await at.client.post("/hris/absences", json={})
        await until_async(lambda: len(at.lines) == 1, "the end of the call")
        assert due() == ({absences: Purpose.WRITE} if is_read else {})
        assert len(at.rung) == is_read
        await at.client.get("/hris/groups", headers={"X-Mirror": "bypass"})
        await at.client.post("/passthrough/personio/personnel", json={})
        await until_async(lambda: len(at.lines) == 3, "the end of the calls")
        assert groups not in due()


# What is told of it


async def test_nothing_of_a_call_is_told_but_its_path_integration_and_outcome(sqlite: str) -> None:
    async with gateway(sqlite, answer(200, PERSON.encode(), {"X-Person": PERSON})) as at:
        await at.client.post(f"/hris/absences?email={PERSON}", json={"email": PERSON}, headers={"X": PERSON})
        await at.until_counted("miss")
        [line] = at.lines
        told = at.everything_told()
    assert {name: value for name, value in line.items() if name != "seconds"} == {
        "event": "gateway_call",
        "log_level": "info",
        "method": "POST",
        "path": "/gateway/v1/hris/absences",
        "integration": INTEGRATION,
        "status": 200,
        "outcome": "miss",
    }
    for secret in (PERSON, KEY, TOKEN):
        assert secret not in told


# Several environments


@pytest.mark.parametrize(
    ("headers", "path", "status", "key"),
    [
        ({"X-Integration-Id": INTEGRATION}, "/hris/employees", 200, KEY),
        ({"X-Integration-Id": "hibob:us"}, "/hris/employees", 200, "ks_us"),
        ({"X-Integration-Id": "hibob:nobodys"}, "/hris/employees", 404, None),
        (
            {"X-Integration-Id": "hibob:nobodys", "X-Mirror-Environment": "us"},
            "/hris/employees",
            200,
            "ks_us",
        ),
        ({"X-Integration-Id": INTEGRATION, "X-Mirror-Environment": "us"}, "/hris/employees", 404, None),
        ({}, "/check-api-key", 400, None),
        ({"X-Mirror-Environment": "us"}, "/check-api-key", 200, "ks_us"),
        ({}, "/integrations/hibob:us", 200, "ks_us"),
        ({"X-Integration-Id": INTEGRATION}, "/integrations/hibob%3Aus", 200, "ks_us"),
    ],
)
async def test_the_integration_decides_whose_key_is_sent(
    sqlite: str, headers: dict[str, str], path: str, status: int, key: str | None
) -> None:
    async with serving(DONE, DONE) as kombo:
        tables = {
            "kombo": {"api_key": KEY, "base_url": kombo.url},
            "environments": {"us": {"api_key": "ks_us", "base_url": kombo.url}},
            "integrations": [{"id": INTEGRATION}, {"id": "hibob:us", "environment": "us"}],
        }
        async with gateway(sqlite, **tables) as at:
            del at.client.headers["X-Integration-Id"]
            given = await at.client.get(path, headers={**headers, "X-Mirror": "bypass"})
        assert given.status_code == status
        sent = [each.headers["authorization"] for each in kombo.seen]
        assert sent == ([] if key is None else [f"Bearer {key}"])
        assert all("x-mirror-environment" not in each.headers for each in kombo.seen)


async def test_an_integration_that_the_only_environment_does_not_mirror_is_kombos_to_answer(
    sqlite: str,
) -> None:
    async with gateway(sqlite, DONE) as at:
        given = await at.client.get("/hris/employees", headers={"X-Integration-Id": "hibob:other"})
        assert (given.status_code, len(at.kombo.seen)) == (200, 1)
