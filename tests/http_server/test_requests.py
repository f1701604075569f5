"""Requests as clients should not send them: each has its answer, and none stops the server."""

from __future__ import annotations

import asyncio
import socket

import pytest
from structlog.testing import capture_logs

from syncer.http_server import protocol
from syncer.http_server.protocol import HttpConnection
from tests.http_server.conftest import GET, MakeServer

POST = b"POST / HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400),
        (POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcde", 400),
        (POST + b"Content-Length: -5\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: gzip\r\n\r\n", 501),
        (POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (POST + b"Content-Length: 1001\r\n\r\n", 413),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n", 413),
        (b"GET /" + b"x" * 1000 + b"?" + b"y" * 1000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 3000, 431),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 1000 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\nHost: localhost\r\n\r\n", 505),
        (b"HEAD / HTTP/2.0\r\nHost: localhost\r\n\r\n", 505),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"GET /\r\n\r\n", 400),
        (b"GET /\xc3\xa4 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    ],
)
async def test_what_is_malformed_or_too_large_is_refused(
    served: MakeServer, request_: bytes, status: int
) -> None:
    async with served() as server:
        client = await server.client()
        client.send(request_)
        assert (await client.answer())[0] == status
        assert await client.rest() == b"", "it closes the connection"
        assert server.begun == [] or request_.startswith(POST + b"Transfer-Encoding: chunked")
        assert (await server.ask(GET))[0] == 200


async def test_a_body_of_a_thousand_pieces_is_refused(served: MakeServer) -> None:
    async with served(body=100_000) as server:
        client = await server.client()
        client.send(POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 1001)
        assert (await client.answer())[0] == 413


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /%ff%fe%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /?a=%ff%ed%a0%80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
    ],
)
async def test_what_is_only_unusual_is_answered(served: MakeServer, request_: bytes) -> None:
    async with served() as server:
        assert (await server.ask(request_))[0] == 200


@pytest.mark.parametrize("method", [b"TRACE", b"CONNECT", b"OPTIONS", b"DELETE", b"FOO"])
async def test_a_method_that_is_not_served_is_an_error_of_the_client(
    served: MakeServer, method: bytes
) -> None:
    async with served() as server:
        assert (await server.ask(method + GET[3:]))[0] == 405


async def test_requests_that_come_together_are_answered_one_after_the_other(served: MakeServer) -> None:
    async with served() as server:
        client = await server.client()
        requests = [POST + b"Content-Length: 2\r\n\r\n%02d" % number for number in range(50)]
        client.send(b"".join(requests))
        answers = [await client.answer() for _ in requests]
        assert answers == [(200, b"%02d" % number) for number in range(50)]


async def test_a_request_in_small_fragments_wakes_the_server_seldom_and_is_answered(
    served: MakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[bytes] = []
    read = HttpConnection.data_received

    def count(connection: HttpConnection, data: bytes) -> None:
        reads.append(data)
        read(connection, data)

    monkeypatch.setattr(HttpConnection, "data_received", count)
    async with served() as server:
        client = await server.client()
        for byte in GET[:-1]:
            client.send(bytes([byte]))
            # The server could read it.
            for _ in range(3):
                await asyncio.sleep(0)
        client.send(GET[-1:])
        assert (await client.answer())[0] == 200
    assert b"".join(reads) == GET
    assert len(reads) < len(GET) / 2


async def test_head_and_body_that_come_apart_are_read_without_a_pause(
    served: MakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "FRAGMENT_PAUSE", 3600)
    async with served() as server:
        client = await server.client()
        for _ in range(3):
            client.send(POST + b"Content-Length: 2\r\n\r\n")
            for _ in range(3):
                await asyncio.sleep(0)
            client.send(b"ok")
            assert await client.answer() == (200, b"ok")


async def test_an_answer_does_not_wait_until_its_beginning_is_acknowledged(
    served: MakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    begin = HttpConnection.connection_made

    def look(connection: HttpConnection, transport: asyncio.Transport) -> None:
        accepted = transport.get_extra_info("socket")
        made.append(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        begin(connection, transport)

    monkeypatch.setattr(HttpConnection, "connection_made", look)
    async with served() as server:
        assert (await server.ask(GET))[0] == 200
    assert all(made)
    assert made


async def test_what_is_refused_is_logged_once_a_minute_with_the_number(served: MakeServer) -> None:
    with capture_logs() as logged:
        async with served() as server:
            for _ in range(30):
                assert (await server.ask(b"nonsense\r\n\r\n"))[0] == 400
    lines = [(each["event"], each["malformed"]) for each in logged]
    assert lines == [("requests_refused", 1), ("requests_refused", 29)]


async def test_an_error_of_the_application_is_500_and_the_server_goes_on(served: MakeServer) -> None:
    async with served() as server:
        assert (await server.ask(b"GET /broken HTTP/1.1\r\nHost: localhost\r\n\r\n"))[0] == 500
        assert (await server.ask(GET))[0] == 200
