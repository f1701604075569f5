"""Bodies that may take as long as they go on, below the paths that are meant for them."""

from __future__ import annotations

import asyncio

from tests.http_server.conftest import MakeServer

HEAD = b"POST /uploads/x HTTP/1.1\r\nHost: localhost\r\n"
OTHER = b"POST /elsewhere HTTP/1.1\r\nHost: localhost\r\n"
UPLOADS = {b"/uploads/": 200_000}
#: Seconds that a request may take, and pauses within them.
SECONDS, PAUSE = 0.4, 0.15


async def test_a_body_may_be_larger_below_its_path_and_not_elsewhere(served: MakeServer) -> None:
    body = b"x" * 150_000
    length = b"Content-Length: %d\r\n\r\n" % len(body)
    async with served(uploads=UPLOADS) as server:
        assert await server.ask(HEAD + length + body) == (200, body)
        assert (await server.ask(OTHER + length))[0] == 413
        assert (await server.ask(HEAD + b"Content-Length: 200001\r\n\r\n"))[0] == 413
        tricked = b"POST /elsewhere?/uploads/ HTTP/1.1\r\nHost: localhost\r\n"
        assert (await server.ask(tricked + length))[0] == 413


async def test_a_body_that_is_too_long_is_refused_in_the_words_of_its_path(served: MakeServer) -> None:
    words = b'{"error":"too long"}'
    refused = b"Content-Length: 200001\r\n\r\n"
    async with served(uploads=UPLOADS, too_long={b"/uploads/": words}) as server:
        assert await server.ask(HEAD + refused) == (413, words)
        assert await server.ask(OTHER + refused) == (413, b"")
        assert await server.ask(HEAD + b"Content-Length: x\r\n\r\n") == (400, b"")


async def test_a_body_that_goes_on_may_take_longer_than_other_requests(served: MakeServer) -> None:
    async with served(uploads=UPLOADS, request_seconds=SECONDS) as server:
        slow, other = await server.client(), await server.client()
        slow.send(HEAD + b"Content-Length: 8\r\n\r\n")
        other.send(OTHER + b"Content-Length: 8\r\n\r\n")
        refused = asyncio.create_task(other.answer())
        for _ in range(8):
            await asyncio.sleep(PAUSE)
            slow.send(b"x")
            if not refused.done():
                other.send(b"x")
        assert await slow.answer() == (200, b"x" * 8)
        assert (await refused)[0] == 408


async def test_a_body_that_does_not_go_on_is_given_up(served: MakeServer) -> None:
    async with served(uploads=UPLOADS, request_seconds=SECONDS) as server:
        silent = await server.client()
        silent.send(HEAD + b"Content-Length: 8\r\n\r\nx")
        assert (await silent.answer())[0] == 408
        assert await silent.rest() == b""


async def test_a_large_body_may_come_in_as_many_chunks_as_it_has_pages(served: MakeServer) -> None:
    chunk = b"1000\r\n" + b"x" * 4096 + b"\r\n"
    async with served(uploads={b"/uploads/": 8_000_000}) as server:
        client = await server.client()
        client.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 1500 + b"0\r\n\r\n")
        status, body = await client.answer()
        assert (status, len(body)) == (200, 1500 * 4096)
        small = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 1002
        assert (await server.ask(small))[0] == 413
