"""A server with small limits on a real socket, and clients that send it bytes."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from syncer.http_server.limits import Limits
from syncer.http_server.server import serving
from tests.support.waiting import PATIENCE

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
LIMITS: dict[str, Any] = {
    "connections": 8,
    "connections_per_second": 10_000,
    "body": 1000,
    "requests_per_second": None,
    "head": 2000,
}


@dataclass
class Client:
    """One connection of a client."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, data: bytes) -> None:
        """Send without waiting for anything."""
        self.writer.write(data)

    async def answer(self) -> tuple[int, bytes]:
        """Read one response: status and body."""
        async with asyncio.timeout(PATIENCE):
            head = await self.reader.readuntil(b"\r\n\r\n")
            lines = head.lower().split(b"\r\n")
            length = next(line for line in lines if line.startswith(b"content-length: "))
            return int(head.split()[1]), await self.reader.readexactly(int(length.split()[1]))

    async def rest(self) -> bytes:
        """Read until the server closes the connection."""
        async with asyncio.timeout(PATIENCE):
            try:
                return await self.reader.read()
            except ConnectionResetError:
                return b""

    async def get(self) -> int:
        """Ask for the page; give the status."""
        self.send(GET)
        return (await self.answer())[0]


@dataclass
class Served:
    """A server that is being served, whose requests for ``/slow`` wait to be let go.

    begun: paths of the requests that it has begun to answer.
    """

    address: tuple[str, int]
    begun: list[str] = field(default_factory=list)
    released: asyncio.Event = field(default_factory=asyncio.Event)
    clients: list[Client] = field(default_factory=list)

    async def client(self, source: str = "127.0.0.1") -> Client:
        """Connect from an address of this machine."""
        reader, writer = await asyncio.open_connection(*self.address, local_addr=(source, 0))
        self.clients.append(Client(reader, writer))
        return self.clients[-1]

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send a request on a connection of its own."""
        client = await self.client()
        client.send(request)
        return await client.answer()

    def app(self) -> Starlette:
        async def answer(request: Request) -> Response:
            self.begun.append(request.url.path)
            match request.url.path:
                case "/slow":
                    await self.released.wait()
                case "/large":
                    return PlainTextResponse("x" * 10_000_000)
                case "/broken":
                    raise RuntimeError("an error of the application")
            return PlainTextResponse(await request.body())

        return Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])


MakeServer: TypeAlias = Callable[..., AbstractAsyncContextManager[Served]]


@pytest.fixture
def served() -> MakeServer:
    """Serves with these limits while a block runs."""

    @asynccontextmanager
    async def serve(**limits: Any) -> AsyncIterator[Served]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            made = Served(listener.getsockname())
            try:
                async with serving(made.app(), listener, Limits(**{**LIMITS, **limits}), name="test"):
                    yield made
            finally:
                for client in made.clients:
                    client.writer.transport.abort()

    return serve
