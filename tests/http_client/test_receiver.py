"""Posts to receivers: what is sent, what counts as an answer, and what is not believed."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from syncer.domain.deliveries.attempts import Answer
from syncer.http_client import receiver as posts
from syncer.http_client.receiver import Receiver
from tests.support.proxies import MakeProxy
from tests.support.receivers import MakeReceiver, Reply
from tests.support.receivers import Receiver as Listening
from tests.support.waiting import PATIENCE

HEADERS = {
    "content-type": "application/json",
    "webhook-id": "msg_1",
    "webhook-timestamp": "1",
    "webhook-signature": "v1,",
}


async def post(url: str, environ: Mapping[str, str] = {}, *, patience: float = PATIENCE) -> Answer:
    async with Receiver(url, version="1.2", environ=environ, timeout=patience) as receiver:
        return await receiver.post('{"ü":1}', HEADERS)


@pytest.fixture
def unsigned(make_receiver: MakeReceiver) -> Listening:
    """A receiver that does not look at signatures."""
    made = make_receiver()
    made.verifies = False
    return made


async def test_a_body_is_posted_as_it_is_by_the_name_of_this_program(unsigned: Listening) -> None:
    assert await post(unsigned.url) == Answer(204)
    [message] = unsigned.received
    assert message.path == "/hooks/mirror?of=test"
    assert message.body == {"ü": 1}
    assert message.headers["user-agent"] == "syncer/1.2"
    assert message.headers["content-type"] == "application/json"


async def test_a_redirect_is_an_answer_and_is_not_followed(unsigned: Listening) -> None:
    unsigned.answer(Reply(307, {"Location": unsigned.url}))
    assert await post(unsigned.url) == Answer(307)
    assert len(unsigned.received) == 1


async def test_the_wait_that_a_receiver_asks_for_is_read(unsigned: Listening) -> None:
    unsigned.answer(Reply(429, {"Retry-After": "17"}))
    assert await post(unsigned.url) == Answer(429, retry_after=17.0)


async def test_certificates_are_verified_by_those_that_are_trusted(
    make_receiver: MakeReceiver, authority_file: Path
) -> None:
    listening = make_receiver(on_tls=True)
    listening.verifies = False
    refused = await post(listening.url)
    assert refused.status is None
    assert "signed by nobody who is trusted" in refused.reason
    assert listening.received == []
    assert await post(listening.url, {"SSL_CERT_FILE": str(authority_file)}) == Answer(204)


async def test_proxies_are_used_as_the_environment_names_them(
    make_receiver: MakeReceiver, make_proxy: MakeProxy, authority_file: Path
) -> None:
    listening = make_receiver(on_tls=True)
    listening.verifies = False
    proxy = make_proxy(f"http://127.0.0.1:{listening.port}")
    trusted = {"SSL_CERT_FILE": str(authority_file)}
    named = {**trusted, "HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}"}
    assert await post(listening.url, named) == Answer(204)
    assert proxy.asked == [f"CONNECT localhost:{listening.port}"]
    assert await post(listening.url, {**named, "NO_PROXY": "localhost"}) == Answer(204)
    proxy.login = "user:hunter2"
    wanted = await post(listening.url, named)
    assert wanted.status is None
    assert "wants user name and password" in wanted.reason
    assert len(proxy.asked) == 2


async def test_a_silent_receiver_is_given_up(unsigned: Listening) -> None:
    opens = threading.Event()
    unsigned.answer(Reply(opens=opens))
    silent = await post(unsigned.url, patience=0.2)
    assert silent == Answer(None, "none came within 0.2 s")
    opens.set()


async def test_nobody_who_listens_is_no_answer() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        refused = await post(f"http://127.0.0.1:{bound.getsockname()[1]}/")
    assert refused == Answer(None, "connection refused")


@pytest.mark.parametrize("ending", ["endless", "broken", "hanging"])
async def test_the_head_is_the_answer_whatever_comes_of_its_body(
    ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posts, "BODY_TIMEOUT", 0.1)
    sent = 0
    given_up = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"}")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        try:
            while ending == "endless":
                writer.write(b"x" * 65536)
                sent += 65536
                await writer.drain()
            if ending == "hanging":
                await reader.read()
        except ConnectionError:
            pass
        writer.close()
        given_up.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert await post(f"http://127.0.0.1:{port}/") == Answer(200)
        await asyncio.wait_for(given_up.wait(), PATIENCE)
    # What the system's buffers hold comes on top.
    assert sent < 20_000_000


async def test_a_connection_serves_one_message_after_the_other(unsigned: Listening) -> None:
    unsigned.answer(Reply(200, body=b"thanks"))
    async with Receiver(unsigned.url, version="1", environ={}) as receiver:
        for _ in range(3):
            assert await receiver.post("{}", HEADERS) == Answer(200)
    assert unsigned.connections == 1
