"""A TCP proxy with faults by script: which request gets which trouble on its way, how often.

    proxy.add(Reset(after=1500), times=2, where=b"cursor=")

It stands between a client and a source of plain HTTP and reads no more of it than where a request ends
(clients here send GETs: a head and nothing else). Requests of one connection are told apart, so that a fault
can be aimed at one in the middle of a walk.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import NoReturn
from urllib.parse import urlsplit

CHUNK = 65536


@dataclass(frozen=True, slots=True)
class Pass:
    """No trouble."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Every chunk of the answer comes so many seconds late."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Drip:
    """The first bytes of the answer come one at a time, each after so many seconds; the rest as it is."""

    first: int
    pause: float = 0.0


@dataclass(frozen=True, slots=True)
class Drop:
    """Hangs up: at once where the connection is new, else instead of answering."""


@dataclass(frozen=True, slots=True)
class Reset:
    """A TCP reset after so many bytes of the answer."""

    after: int


@dataclass(frozen=True, slots=True)
class Cut:
    """An orderly end of the connection after so many bytes of the answer."""

    after: int


@dataclass(frozen=True, slots=True)
class Stall:
    """After so many bytes of the answer no more come; the connection stays open. None: the source never
    got the request."""

    after: int | None = None


@dataclass(frozen=True, slots=True)
class BlackHole:
    """Accepted, and from there nothing is read and nothing is written."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The proxy's own bytes instead of an answer, then the end of the connection unless it stays open."""

    data: bytes
    stays_open: bool = False


Behaviour = Pass | Latency | Drip | Drop | Reset | Cut | Stall | BlackHole | Reply


@dataclass(slots=True)
class Entry:
    """A line of the script; left is None for ever. fired counts the requests (or connections) that met it.

    met: set once one has.
    """

    behaviour: Behaviour
    where: bytes
    left: int | None
    fired: int = 0
    met: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class Proxy:
    """A proxy that is running. otherwise: what happens where the script says nothing."""

    port: int
    source: tuple[str, int]
    otherwise: Callable[[], Behaviour] = Pass
    _script: list[Entry] = field(default_factory=list)
    _connections: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def base_url(self) -> str:
        """Where clients find the source's API."""
        return f"http://127.0.0.1:{self.port}/v1"

    def add(self, behaviour: Behaviour, times: int | None = None, where: bytes = b"") -> Entry:
        """The next so many requests (None: all) whose head holds these bytes meet this.

        Without them Drop and BlackHole also meet new connections, before there is a request.
        """
        entry = Entry(behaviour, where, times)
        self._script.append(entry)
        return entry

    def clear(self) -> None:
        """The network is well again for every request from now on."""
        self._script.clear()
        self.otherwise = Pass

    def behaviour(self, head: bytes | None) -> Behaviour:
        """What happens to this request; None: to a connection that has just been accepted."""
        for entry in self._script:
            if entry.left == 0 or (head is None and (entry.where or not _meets_connections(entry))):
                continue
            if entry.where in (head or b""):
                entry.fired += 1
                entry.met.set()
                entry.left = None if entry.left is None else entry.left - 1
                return entry.behaviour
        return Pass() if head is None else self.otherwise()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side or a fault ends it."""
        this = asyncio.current_task()
        assert this is not None
        self._connections.add(this)
        with suppress(OSError, EOFError, asyncio.CancelledError):
            await _Connection(self, reader, writer).run()
        self._connections.discard(this)
        writer.close()

    async def stop(self) -> None:
        """End all connections."""
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections)


def _meets_connections(entry: Entry) -> bool:
    return isinstance(entry.behaviour, Drop | BlackHole)


class _Ended(Exception):
    """The connection has come to its end."""


class _Connection:
    """One client's connection and ours to the source, with a task for each direction."""

    def __init__(self, proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._reader = reader
        self._writer = writer
        self._behaviour: Behaviour = Pass()
        self._answered = 0
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def run(self) -> None:
        match self._proxy.behaviour(None):
            case Drop():
                return
            case BlackHole():
                await self._silence()
        source, to_source = await asyncio.open_connection(*self._proxy.source)
        try:
            async with asyncio.TaskGroup() as directions:
                directions.create_task(self._requests(to_source))
                directions.create_task(self._answers(source))
        except* (_Ended, OSError, EOFError):
            pass
        finally:
            to_source.close()

    async def _requests(self, to_source: asyncio.StreamWriter) -> NoReturn:
        while True:
            head = await self._reader.readuntil(b"\r\n\r\n")
            self._behaviour, self._answered = self._proxy.behaviour(head), 0
            match self._behaviour:
                case Drop():
                    raise _Ended
                case BlackHole():
                    await self._silence()
                case Reply(data, stays_open):
                    await self._write(data)
                    if not stays_open:
                        raise _Ended
                case Stall(None):
                    pass
                case _:
                    to_source.write(head)
                    await to_source.drain()

    async def _answers(self, source: asyncio.StreamReader) -> NoReturn:
        while chunk := await source.read(CHUNK):
            match self._behaviour:
                case Latency(seconds):
                    await asyncio.sleep(seconds)
                case Drip(first, pause):
                    slow = max(first - self._answered, 0)
                    for place in range(len(chunk[:slow])):
                        await self._write(chunk[place : place + 1])
                        await asyncio.sleep(pause)
                    chunk = chunk[slow:]
                case Reset(after) | Cut(after) | Stall(int(after)) if len(chunk) >= after - self._answered:
                    await self._write(chunk[: after - self._answered])
                    await self._break_off()
            await self._write(chunk)
        raise _Ended

    async def _break_off(self) -> NoReturn:
        if isinstance(self._behaviour, Stall):
            await asyncio.Event().wait()
        if isinstance(self._behaviour, Reset):
            connection = self._writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._writer.transport.abort()
        raise _Ended

    async def _silence(self) -> NoReturn:
        transport = self._writer.transport
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    async def _write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()
        self._answered += len(data)


@asynccontextmanager
async def proxying(base_url: str) -> AsyncIterator[Proxy]:
    """A proxy in front of this source while the block runs."""
    source = urlsplit(base_url)
    assert source.hostname is not None
    assert source.port is not None
    listener = socket.create_server(("127.0.0.1", 0))
    proxy = Proxy(listener.getsockname()[1], (source.hostname, source.port))
    server = await asyncio.start_server(proxy.serve, sock=listener)
    try:
        yield proxy
    finally:
        server.close()
        await proxy.stop()


@contextmanager
def never_accepting(backlog: int) -> Iterator[int]:
    """The port of a listening socket that nobody accepts from.

    Beyond the backlog, which has room for one more than it says, not even a connection comes about.
    """
    with socket.create_server(("127.0.0.1", 0), backlog=backlog) as listener:
        yield listener.getsockname()[1]
