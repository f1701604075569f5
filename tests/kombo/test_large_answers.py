"""Answers that are larger than what is read, by a real server: an error at once, whatever was asked for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import httpx
import pytest

from syncer.domain.errors import AnswerTooLarge, Doubtful, UnreadableAnswer
from syncer.domain.limits import LARGE_ANSWER_BYTES, MIB, MOST_ANSWER_BYTES, MOST_VALUES
from syncer.domain.native.call import Call
from syncer.simulator.server.large_faults import compressed_bomb
from tests.kombo.test_client import ID, lab, page
from tests.support.scripted_server import Answer, Message, Seen, answer, serving

GET = Call("hibob/v1", "GET", "/people")
POST = Call("hibob/v1", "POST", "/people", data={"name": "x"})


async def promised(_: Seen, writer: asyncio.StreamWriter) -> None:
    """A body that is not sent, since nobody reads it."""
    writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {MOST_ANSWER_BYTES + 1}\r\n\r\n".encode())


async def endless(_: Seen, writer: asyncio.StreamWriter) -> None:
    """A body without an end, as fast as it is read."""
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while not writer.is_closing():
        writer.write(b" " * MIB)
        await writer.drain()


TOO_LARGE: dict[str, tuple[Answer, str]] = {
    "bomb": (
        answer(200, compressed_bomb().body, {"Content-Encoding": "gzip"}),
        "it has more than 64 MiB, the most that is read.",
    ),
    "bomb of an error": (
        answer(500, compressed_bomb().body, {"Content-Encoding": "gzip"}),
        "it has more than 64 MiB, the most that is read.",
    ),
    "promised": (promised, "it has more than 64 MiB, the most that is read."),
    "endless": (endless, "it has more than 64 MiB, the most that is read."),
    "values": (
        answer(200, b'{"status":"success","data":{"next":null,"results":[0' + b",0" * MOST_VALUES + b"]}}"),
        "it has more than 4,000,000 values, the most that is read.",
    ),
    "headers": (
        answer(200, page("a"), {"X-Trace": "x" * 200_000}),
        "its headers have more than 100 KiB, the most that is read.",
    ),
}
BROTLI = answer(200, b"\x0b\x02\x80{}\x03", {"Content-Encoding": "br"})


@pytest.mark.parametrize("case", TOO_LARGE)
async def test_an_answer_that_is_too_large_is_an_error_at_once_and_the_next_is_read(case: str) -> None:
    too_large, said = TOO_LARGE[case]
    async with serving(too_large, answer(200, page("a"))) as server, lab(server.url) as at:
        with pytest.raises(UnreadableAnswer) as caught:
            await at.page()
        assert (await at.page()).results == (b'{"id": "a"}',)
    host = server.url.removeprefix("http://").removesuffix("/v1")
    is_smaller_with_less = isinstance(caught.value, AnswerTooLarge)
    assert is_smaller_with_less is (case != "headers")
    what = "Too large an answer" if is_smaller_with_less else "No answer"
    assert str(caught.value) == f"{what} from {host} to /hris/employees of {ID}: {said}"
    assert caught.value.integration_id == ID
    assert len(server.seen) == 2
    assert at.slept == []
    assert at.permits.every_permit_was_reported_once


async def test_headers_that_come_at_once_may_be_no_larger_than_others() -> None:
    async def app(_: object, __: object, send: Callable[[Message], Awaitable[None]]) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-trace", b"x" * 200_000)]})
        await send({"type": "http.response.body", "body": json.dumps(page("a")).encode()})

    async with lab("http://kombo.test/v1", transport=httpx.ASGITransport(app)) as at:
        with pytest.raises(UnreadableAnswer, match="its headers have more than 100 KiB"):
            await at.page()


@pytest.mark.parametrize("case", TOO_LARGE)
async def test_a_write_whose_answer_is_too_large_may_have_been_carried_out(case: str) -> None:
    async with serving(TOO_LARGE[case][0]) as server, lab(server.url) as at:
        with pytest.raises(Doubtful, match=r"answer from .* may have been carried out all the same"):
            await at.client.passthrough(POST, ID)
    assert len(server.seen) == 1


async def test_a_body_in_an_encoding_that_nobody_asked_for_is_not_asked_for_again() -> None:
    async with serving(BROTLI) as server, lab(server.url) as at:
        with pytest.raises(UnreadableAnswer, match="compressed in a way that was not asked for"):
            await at.page()
    async with serving(BROTLI) as server, lab(server.url) as at:
        with pytest.raises(UnreadableAnswer):
            await at.client.passthrough(GET, ID)
    async with serving(BROTLI) as server, lab(server.url) as at:
        with pytest.raises(Doubtful):
            await at.client.passthrough(POST, ID)
    assert len(server.seen) == 1


async def test_large_answers_are_read_one_after_another() -> None:
    """What is made of one takes several times its length, and all streams of a process share its memory."""
    size = LARGE_ANSWER_BYTES + MIB
    may_end, second_is_sent = asyncio.Event(), asyncio.Event()

    def large(first: bool) -> Answer:
        async def send(_: Seen, writer: asyncio.StreamWriter) -> None:
            body = json.dumps(page("a")).encode().ljust(size)
            writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode() + body[:-1])
            await writer.drain()
            if first:
                await may_end.wait()
            writer.write(body[-1:])
            await writer.drain()
            if not first:
                second_is_sent.set()

        return send

    ended: list[str] = []
    async with serving(large(True), large(False), answer(200, page("b"))) as server, lab(server.url) as at:

        async def fetch(name: str) -> None:
            await at.page()
            ended.append(name)

        async with asyncio.TaskGroup() as fetching:
            fetching.create_task(fetch("first"))
            await server.asked.wait()
            second = fetching.create_task(fetch("second"))
            await second_is_sent.wait()
            # A small one has nothing to wait for.
            await fetch("small")
            done, _ = await asyncio.wait({second}, timeout=1)
            assert not done
            may_end.set()
    assert ended == ["small", "first", "second"]
