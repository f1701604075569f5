"""An HTTP proxy with CONNECT, and HTTPS in front of a source, with certificates of a CA of the tests' own.

Plugin of pytest.
"""

from __future__ import annotations

import re
import socket
import socketserver
import ssl
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeAlias
from urllib.parse import urlsplit

import pytest
import trustme

#: A name that only the proxy knows.
HOST = "kombo.test"
Address: TypeAlias = tuple[str, int]


@dataclass
class Proxied:
    """A proxy under way, and what it was asked: methods with their targets.

    login: ``user:password`` that it wants. refuses: status with which it lets nobody through.
    """

    port: int
    source: Address
    login: str | None = None
    refuses: int | None = None
    asked: list[str] = field(default_factory=list)

    def refusal(self, head: str) -> int | None:
        """Give the status of the refusal that this request gets, if any."""
        given = re.search(r"^Proxy-Authorization: Basic (\S+)\r$", head, re.IGNORECASE | re.MULTILINE)
        if self.login is not None and (given is None or b64decode(given[1]).decode() != self.login):
            return 407
        return self.refuses


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, handler: type[socketserver.BaseRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.proxied = Proxied(self.server_address[1], ("", 0))
        self.tls: ssl.SSLContext | None = None

    def get_request(self) -> tuple[socket.socket, Address]:
        client, address = super().get_request()
        return (client if self.tls is None else self.tls.wrap_socket(client, server_side=True)), address


class _ProxyHandler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        with suppress(OSError), ExitStack() as open_:
            upstream: socket.socket | None = None
            while head := self._head():
                proxied = self.server.proxied
                method, target, _ = head.split(" ", 2)
                proxied.asked.append(f"{method} {target}")
                if refusal := proxied.refusal(head):
                    self.wfile.write(f"HTTP/1.1 {refusal} No\r\nContent-Length: 0\r\n\r\n".encode())
                    continue
                if upstream is None:
                    upstream = open_.enter_context(socket.create_connection(proxied.source))
                    if method == "CONNECT":
                        self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
                        _pump(self.connection, upstream)
                        return
                    threading.Thread(target=_copy, args=(upstream, self.connection), daemon=True).start()
                url = urlsplit(target)
                upstream.sendall(head.replace(target, f"{url.path}?{url.query}", 1).encode())

    def _head(self) -> str:
        """Read the head of a request; empty where no more come."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self.rfile.readline()
            if not line:
                return ""
            head += line
        return head.decode()


class _Front(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        with suppress(OSError), socket.create_connection(self.server.proxied.source) as upstream:
            _pump(self.request, upstream)


def _pump(one: socket.socket, other: socket.socket) -> None:
    back = threading.Thread(target=_copy, args=(other, one), daemon=True)
    back.start()
    _copy(one, other)
    back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


class MakeProxy(Protocol):
    """Starts a proxy whose every way leads to the source; on_tls: by HTTPS."""

    def __call__(self, base_url: str, *, on_tls: bool = False) -> Proxied: ...


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """A certificate authority that nobody trusts."""
    return trustme.CA()


@pytest.fixture
def authority_file(authority: trustme.CA, tmp_path: Path) -> Path:
    """A file with its certificate."""
    file = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(file)
    return file


@pytest.fixture
def make_proxy(authority: trustme.CA) -> Iterator[MakeProxy]:
    """Starts proxies until the test ends."""
    with ExitStack() as running:

        def start(handler: type[socketserver.BaseRequestHandler]) -> _Server:
            server = running.enter_context(_Server(handler))
            thread = threading.Thread(target=server.serve_forever, args=(0.05,))
            thread.start()
            running.callback(thread.join)
            running.callback(server.shutdown)
            return server

        def make(base_url: str, *, on_tls: bool = False) -> Proxied:
            url = urlsplit(base_url)
            source = (url.hostname or "", url.port or 0)
            if on_tls:
                front = start(_Front)
                front.proxied.source = source
                front.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                authority.issue_cert(HOST).configure_cert(front.tls)
                source = ("127.0.0.1", front.proxied.port)
            proxy = start(_ProxyHandler)
            proxy.proxied.source = source
            return proxy.proxied

        yield make
