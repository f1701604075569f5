"""A TCP proxy in front of a database server that stops forwarding and closes nothing."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from sqlalchemy import URL

CHUNK = 65536


@dataclass
class SilentProxy:
    """A running proxy. accepted: how many connections it has taken; rewrite: changes what passes."""

    server: URL
    listener: socket.socket
    accepted: int = 0
    rewrite: Callable[[bytes], bytes] = bytes
    #: Whether connections that come from now on are silent from their beginning.
    is_dead: bool = False
    _lines: list[_Line] = field(default_factory=list)

    def url(self, database_url: URL) -> str:
        """Give the address of a database of the server's by way of the proxy."""
        host, port = self.listener.getsockname()[:2]
        through = database_url.set(host=host, port=port).difference_update_query(["host", "port"])
        return through.render_as_string(hide_password=False)

    def silence(self) -> None:
        """Forward nothing of the connections that there are any more, and close none of them."""
        for line in self._lines:
            line.is_silent = True

    def serve(self) -> None:
        """Take connections until the listener is closed."""
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                self.accepted += 1
                self._lines.append(_Line(client, _connected(self.server), self.rewrite, self.is_dead))
                self._lines[-1].start()

    def close(self) -> None:
        """Close everything."""
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for line in self._lines:
            line.close()


@dataclass
class _Line:
    """One connection, with a thread for each direction."""

    client: socket.socket
    server: socket.socket
    rewrite: Callable[[bytes], bytes]
    is_silent: bool

    def start(self) -> None:
        for source, sink in ((self.client, self.server), (self.server, self.client)):
            threading.Thread(target=self._forward, args=(source, sink), daemon=True).start()

    def _forward(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(CHUNK):
                if not self.is_silent:
                    sink.sendall(self.rewrite(data))
        if not self.is_silent:
            self.close()

    def close(self) -> None:
        for each in (self.client, self.server):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


def _connected(server: URL) -> socket.socket:
    """Connect to the server, on its socket or its port."""
    parameters = psycopg.conninfo.conninfo_to_dict(server.render_as_string(hide_password=False))
    host, port = str(parameters.get("host") or "127.0.0.1"), int(parameters.get("port") or 5432)
    if not host.startswith("/"):
        return socket.create_connection((host, port))
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(Path(host) / f".s.PGSQL.{port}"))
    return connection


@contextmanager
def silent_proxy(server: URL) -> Iterator[SilentProxy]:
    """Run a proxy in front of a server for the block."""
    proxy = SilentProxy(server, socket.create_server(("127.0.0.1", 0)))
    serving = threading.Thread(target=proxy.serve)
    serving.start()
    try:
        yield proxy
    finally:
        proxy.close()
        serving.join()
