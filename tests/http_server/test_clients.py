"""Clients that take time, room or connections: they give way, and others are served."""

from __future__ import annotations

import asyncio
import resource
import socket
from contextlib import suppress

import pytest
from structlog.testing import capture_logs

from syncer.http_server import acceptor, turns
from syncer.http_server.protocol import PIECE, HttpConnection
from tests.http_server.conftest import GET, MakeServer, Served
from tests.support.waiting import PATIENCE, until_async

SLOW = b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n"
LARGE = b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize(
    "begun",
    [b"G", GET[:-2], b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc"],
    ids=["a byte", "a head without its end", "a body without its end"],
)
async def test_a_request_that_does_not_end_is_given_up(served: MakeServer, begun: bytes) -> None:
    async with served(request_seconds=0.2) as server:
        client = await server.client()
        client.send(begun)
        assert (await client.answer())[0] == 408
        assert await client.rest() == b""


async def test_a_request_that_comes_byte_by_byte_is_given_up_all_the_same(served: MakeServer) -> None:
    loop = asyncio.get_running_loop()
    async with served(request_seconds=0.2) as server:
        # A bare socket: asyncio's streams forget what has arrived once a write of theirs fails.
        with socket.create_connection(server.address) as client:
            client.setblocking(False)

            async def drip() -> None:
                with suppress(ConnectionError):
                    while True:
                        await loop.sock_sendall(client, b"G")
                        await asyncio.sleep(0.02)

            dripping = asyncio.create_task(drip())
            async with asyncio.timeout(PATIENCE):
                answer = await loop.sock_recv(client, 65536)
            dripping.cancel()
    assert answer.startswith(b"HTTP/1.1 408 ")


async def test_a_server_that_ends_just_when_it_refuses_a_client_ends_well(
    served: MakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse, ended = HttpConnection.send_400_response, list[int]()

    def refuse_at_the_end(connection: HttpConnection, msg: str) -> None:
        refuse(connection, msg)
        connection.shutdown()
        ended.append(1)

    monkeypatch.setattr(HttpConnection, "send_400_response", refuse_at_the_end)
    async with served() as server:
        client = await server.client()
        client.send(b"\x16\x03\r\n\r\n")
        assert (await client.answer())[0] == 400
        assert await client.rest() == b""
    assert ended == [1]


async def test_a_connection_without_a_byte_is_closed_without_a_word(served: MakeServer) -> None:
    with capture_logs() as logged:
        async with served(request_seconds=0.2) as server:
            assert await (await server.client()).rest() == b""
    assert logged == []


async def test_a_client_that_does_not_read_is_given_up_and_costs_little_memory(
    served: MakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting: list[int] = []
    pause = HttpConnection.pause_writing

    def measure(connection: HttpConnection) -> None:
        waiting.append(connection.transport.get_write_buffer_size())
        pause(connection)

    monkeypatch.setattr(HttpConnection, "pause_writing", measure)
    with capture_logs() as logged:
        async with served(response_seconds=0.2) as server:
            client = await server.client()
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]
            client.send(LARGE)
            await until_async(lambda: logged, "its end")
    assert logged[0]["response_not_taken"] == 1
    assert 0 < max(waiting) <= PIECE


async def test_a_long_response_arrives_whole(served: MakeServer) -> None:
    async with served() as server:
        status, body = await server.ask(LARGE)
    assert (status, body) == (200, b"x" * 10_000_000)


async def test_the_oldest_that_waits_gives_way_and_the_server_stays_reachable(served: MakeServer) -> None:
    async with served(connections=4) as server:
        idle = [await server.client() for _ in range(30)]
        for client in idle:
            client.send(b"G")
        assert (await server.ask(GET))[0] == 200
        assert await idle[0].rest() == b""


async def test_without_descriptors_accepting_pauses_and_goes_on_by_itself(served: MakeServer) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with served() as server:
        # The system connects it before the server has accepted it.
        with socket.create_connection(server.address) as made, capture_logs() as logged:
            made.setblocking(False)
            resource.setrlimit(resource.RLIMIT_NOFILE, (made.fileno() + 1, hard))
            try:
                await until_async(lambda: logged, "what is logged of it")
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            made.sendall(GET)
            async with asyncio.timeout(PATIENCE):
                answer = await asyncio.get_running_loop().sock_recv(made, 65536)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert [(each["event"], each["EMFILE"]) for each in logged] == [("requests_refused", 1)]


async def test_one_peer_does_not_drive_out_another(served: MakeServer) -> None:
    async with served(connections=4) as server:
        other = await server.client(source="127.0.0.2")
        assert await other.get() == 200
        for _ in range(30):
            (await server.client()).send(b"G")
        assert (await server.ask(GET))[0] == 200
        assert await other.get() == 200, "it still has its connection"


async def test_who_has_just_connected_is_heard_first(served: MakeServer) -> None:
    async with served(connections=1) as server:
        with socket.create_connection(server.address) as one, socket.create_connection(server.address) as two:
            for each in (one, two):
                each.sendall(GET)
                each.setblocking(False)
            async with asyncio.timeout(PATIENCE):
                for each in (one, two):
                    answer = await asyncio.get_running_loop().sock_recv(each, 65536)
                    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_who_asks_without_end_leaves_its_connection_to_others(served: MakeServer) -> None:
    async with served(connections=1) as server:
        endless = await server.client()
        endless.send(SLOW + 1000 * GET)
        await until_async(lambda: server.begun, "its first request")
        other = asyncio.create_task(server.ask(GET))
        server.released.set()
        assert (await other)[0] == 200
        assert len(server.begun) < 1000


async def test_who_finds_all_busy_waits_and_is_served(served: MakeServer) -> None:
    async with served(connections=2) as server:
        busy = [await server.client() for _ in range(2)]
        for client in busy:
            client.send(SLOW)
        await until_async(lambda: len(server.begun) == 2, "both requests")
        waiting = [asyncio.create_task(server.ask(GET)) for _ in range(10)]
        await asyncio.sleep(0)
        assert server.begun == ["/slow", "/slow"]
        server.released.set()
        assert {(await each)[0] for each in waiting} == {200}
        assert {(await client.answer())[0] for client in busy} == {200}


async def test_more_requests_than_the_rate_are_answered_in_their_order(served: MakeServer) -> None:
    async with served(connections=100, requests_per_second=200) as server:
        clients = [await server.client() for _ in range(60)]
        for number, client in enumerate(clients):
            client.send(b"GET /%02d HTTP/1.1\r\nHost: localhost\r\n\r\n" % number)
            await client.writer.drain()
            if number == 40:
                # Who leaves the queue costs the others nothing.
                clients[39].writer.transport.abort()
        for number, client in enumerate(clients):
            if number != 39:
                assert (await client.answer())[0] == 200
    assert server.begun == [f"/{number:02}" for number in range(60) if number != 39]


@pytest.mark.parametrize(
    ("limit", "at_once"), [("requests_per_second", turns.BURST), ("connections_per_second", acceptor.BURST)]
)
async def test_no_more_than_the_rate_are_answered(served: MakeServer, limit: str, at_once: int) -> None:
    async with served(connections=100, **{limit: 0.001}) as server:
        clients = [await server.client() for _ in range(at_once + 10)]
        for client in clients:
            client.send(GET)
        answers = [asyncio.create_task(client.answer()) for client in clients]
        await until_async(lambda: sum(each.done() for each in answers) >= at_once, "the first ones")
        assert len(server.begun) == at_once
        for each in answers:
            each.cancel()


async def test_the_end_waits_for_requests_under_way_and_for_no_client(served: MakeServer) -> None:
    async with served() as server:
        idle, reading, busy = [await server.client() for _ in range(3)]
        assert await idle.get() == 200
        reading.send(b"G")
        busy.send(SLOW)
        await until_async(lambda: "/slow" in server.begun, "the request")
        asyncio.get_running_loop().call_soon(server.released.set)
    assert (await busy.answer())[0] == 200
    assert (await idle.rest(), await reading.rest()) == (b"", b"")


async def test_the_end_does_not_wait_for_a_request_that_hangs(served: MakeServer) -> None:
    async with served() as server:
        hanging = await server.client()
        hanging.send(SLOW)
        await until_async(lambda: "/slow" in server.begun, "the request")
    assert await hanging.rest() == b""


async def test_a_client_that_leaves_in_its_request_leaves_nothing(
    served: MakeServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with served() as server:
        for request in (SLOW, LARGE, b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc"):
            client = await server.client()
            client.send(request)
            await client.writer.drain()
            client.writer.transport.abort()
        await _all_begun(server)
        assert (await server.ask(GET))[0] == 200
    assert caplog.records == []


async def _all_begun(server: Served) -> None:
    await until_async(lambda: {"/slow", "/large", "/"} <= set(server.begun), "all three")
