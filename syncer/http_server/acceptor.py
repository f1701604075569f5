"""Acceptance of connections, within limits; asyncio itself accepts as many as come."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Set
from contextlib import suppress

from syncer.http_server.connections import connection_to_close, peer_of
from syncer.http_server.protocol import HttpConnection
from syncer.http_server.refusals import Refusals
from syncer.http_server.token_bucket import TokenBucket

#: Connections that wait in the system until they are accepted.
BACKLOG = 256
#: Connections that are accepted at once after a pause.
BURST = 50
#: The least seconds between two looks for more, or for one that may give way.
PAUSE = 0.02
#: Seconds until accepting is tried again where the process has no descriptor or no memory left.
RETRY_AFTER = 1.0
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class Acceptor:
    """Acceptor of a server's connections, up to a number of them.

    Where there are as many, one that waits for its client gives way to a new one; where none does, accepting
    waits until one has been answered. rate: connections that are accepted in a second.
    """

    def __init__(self, listener: socket.socket, limit: int, rate: float, refusals: Refusals) -> None:
        self.all_closed = asyncio.Event()
        self.all_closed.set()
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._limit = limit
        self._bucket = TokenBucket(rate, BURST, self._loop.time())
        self._refusals = refusals
        self._make: Callable[[str], HttpConnection]
        self._open: set[HttpConnection] = set()
        self._next: tuple[socket.socket, str] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_stopped = False

    @property
    def connections(self) -> Set[HttpConnection]:
        """The open connections of now."""
        return self._open.copy()

    def is_crowded(self) -> bool:
        """Tell whether there are as many connections as may be."""
        return len(self._open) >= self._limit

    def start(self, make: Callable[[str], HttpConnection]) -> None:
        """Accept what comes from now on. make: the connection of a peer."""
        self._make = make
        self._listener.setblocking(False)
        self._listener.listen(BACKLOG)
        self._listen()

    def stop(self) -> None:
        """Accept nothing more, and close connections as soon as their requests are answered."""
        self._is_stopped = True
        self._loop.remove_reader(self._listener)
        if self._timer is not None:
            self._timer.cancel()
        if self._next is not None:
            self._next[0].close()
        for each in self.connections:
            each.shutdown()

    def release(self, connection: HttpConnection) -> None:
        """Take notice that a connection is lost."""
        self._open.discard(connection)
        if not self._open:
            self.all_closed.set()
        self._admit_next()

    def _listen(self) -> None:
        self._loop.add_reader(self._listener, self._accept)

    def _listen_after(self, seconds: float) -> None:
        self._loop.remove_reader(self._listener)
        self._after(seconds, self._listen)

    def _after(self, seconds: float, call: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, call)

    def _accept(self) -> None:
        while self._next is None:
            if delay := self._bucket.delay(self._loop.time()):
                return self._listen_after(max(delay, PAUSE))
            try:
                accepted, address = self._listener.accept()
            except (BlockingIOError, InterruptedError):
                return None
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._refusals.count(errno.errorcode[error.errno])
                    return self._listen_after(RETRY_AFTER)
                # Otherwise the client has gone already; were it something else, this must not go on for ever.
                self._bucket.take()
                continue
            self._bucket.take()
            accepted.setblocking(False)
            with suppress(OSError):
                # asyncio does so for its own sockets alone: else a body waits until its head is acknowledged.
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._next = accepted, peer_of(address[0])
            self._admit_next()
        return None

    def _admit_next(self) -> None:
        """Open the connection that was accepted last, now or as soon as there is room."""
        if self._next is None or self._is_stopped:
            return
        accepted, peer = self._next
        if self.is_crowded():
            given_up = connection_to_close(self._open, peer)
            if given_up is None:
                self._loop.remove_reader(self._listener)
                self._after(PAUSE, self._admit_next)
                return
            self._open.discard(given_up)
            given_up.abort("too_many")
        self._next = None
        connection = self._make(peer)
        self._open.add(connection)
        self.all_closed.clear()
        task = self._loop.create_task(self._open_transport(accepted, connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._listen()

    async def _open_transport(self, accepted: socket.socket, connection: HttpConnection) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: connection, accepted)
        except OSError:
            accepted.close()
            self.release(connection)
