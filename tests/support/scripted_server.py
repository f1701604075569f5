"""Server on a socket that answers by script, and keeps what it was sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

DATE = "Sat, 21 Nov 2026 09:30:15 GMT"
RATE = {"ratelimit-limit": "300", "ratelimit-remaining": "298", "ratelimit-reset": "57"}


@dataclass(frozen=True)
class Seen:
    """A request as the server got it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""
    target: str = ""


#: What a server's application sends.
Message = MutableMapping[str, object]
Answer = Callable[[Seen, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """Gives one scripted answer a request, in order, and keeps the requests."""

    def __init__(self, *answers: Answer) -> None:
        self.script = list(answers)
        self.seen: list[Seen] = []
        self.asked = asyncio.Event()
        self.connections: set[asyncio.Task[None]] = set()
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        this = asyncio.current_task()
        assert this is not None
        self.connections.add(this)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                first, *lines = head.strip().split("\r\n")
                method, target, _ = first.split(" ")
                parts = urlsplit(target)
                headers = {name.lower(): text for name, text in (line.split(": ", 1) for line in lines)}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                query = dict(parse_qsl(parts.query))
                self.seen.append(Seen(method, parts.path, query, headers, body, target))
                self.asked.set()
                await self.script.pop(0)(self.seen[-1], writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def stop(self) -> None:
        for connection in self.connections:
            connection.cancel()
        await asyncio.gather(*self.connections)


@asynccontextmanager
async def serving(*answers: Answer) -> AsyncIterator[Server]:
    server = Server(*answers)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/v1"
    try:
        yield server
    finally:
        listener.close()
        await server.stop()


def answer(status: int, body: object, headers: Mapping[str, str] | None = None) -> Answer:
    """A whole answer; body is bytes or becomes JSON."""

    async def send(_: Seen, writer: asyncio.StreamWriter) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        fields = {"Date": DATE, "Content-Length": str(len(content)), **RATE, **(headers or {})}
        head = "".join(f"{name}: {text}\r\n" for name, text in fields.items())
        writer.write(f"HTTP/1.1 {status} Whatever\r\n{head}\r\n".encode() + content)

    return send
