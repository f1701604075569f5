"""Receivers of deliveries: HTTP servers on loopback that verify each message and answer as they are told.

Plugin of pytest.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

import pytest
import trustme
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from syncer.http_client import receiver as posts
from tests.support.waiting import PATIENCE, until

SECRET = "whsec_" + "c3luY2VyIGRlbGl2ZXJzIHRvIGl0cyB0ZXN0cyEh"


@dataclass(frozen=True, slots=True)
class Received:
    """Message that came, verified. body: decoded."""

    id: str
    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]

    @property
    def sequences(self) -> list[int]:
        """Numbers of its changes."""
        return [each["sequence"] for each in self.body["data"].get("changes", [])]


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer of a receiver. opens: waited for before it is given."""

    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    opens: threading.Event | None = None


@dataclass
class Receiver:
    """Receiver under way, and what has come so far. replies: given in turn, and the last for ever."""

    port: int = 0
    scheme: str = "http"
    host: str = "127.0.0.1"
    replies: deque[Reply] = field(default_factory=lambda: deque([Reply()]))
    received: list[Received] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    verifies: bool = True
    connections: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}/hooks/mirror?of=test"

    def answer(self, *replies: Reply | int) -> None:
        """Answer so from now on; the last one for ever. A number is a status."""
        self.replies = deque(each if isinstance(each, Reply) else Reply(each) for each in replies)

    def wait_for(self, number: int) -> list[Received]:
        """Wait until so many messages came."""
        until(lambda: len(self.received) >= number, f"{number} messages (so far {len(self.received)})")
        return list(self.received)

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Verify a message and give the answer to it."""
        with self.lock:
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
            reply = self.replies.popleft() if len(self.replies) > 1 else self.replies[0]
            try:
                if self.verifies:
                    Webhook(SECRET).verify(body, dict(headers))
            except WebhookVerificationError as error:
                self.faults.append(repr(error))
            lower = {name.lower(): value for name, value in headers.items()}
            self.received.append(Received(lower.get("webhook-id", ""), path, lower, json.loads(body)))
        if reply.opens is not None:
            reply.opens.wait(PATIENCE)
        with self.lock:
            self.in_flight -= 1
        return reply


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        reply = self.server.receiver.take(self.path, dict(self.headers), body)
        self.send_response(reply.status)
        for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)

    def do_GET(self) -> None:
        self.server.receiver.faults.append(f"GET {self.path}")
        self.send_error(405)

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, receiver: Receiver, tls: ssl.SSLContext | None, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.receiver = receiver
        self.tls = tls
        receiver.port = self.server_address[1]

    def finish_request(self, request: Any, client_address: Any) -> None:
        self.receiver.connections += 1
        if self.tls is None:
            super().finish_request(request, client_address)
            return
        with self.tls.wrap_socket(request, server_side=True) as wrapped:
            super().finish_request(wrapped, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away, or trusts nobody, is no fault of the receiver."""


class MakeReceiver(Protocol):
    """Starts a receiver. on_tls: by HTTPS, with a certificate of the tests' own CA for localhost."""

    def __call__(self, *, on_tls: bool = False) -> Receiver: ...


@pytest.fixture
def make_receiver(authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeReceiver]:
    """Starts receivers until the test ends; none may have met a message that it cannot verify."""
    # Where this machine is slow, no attempt of a program in this process fails for it.
    monkeypatch.setattr(posts, "CONNECT_TIMEOUT", PATIENCE)
    with ExitStack() as running:
        made: list[Receiver] = []

        def make(*, on_tls: bool = False) -> Receiver:
            receiver = Receiver()
            tls = None
            if on_tls:
                receiver.scheme, receiver.host = "https", "localhost"
                tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                authority.issue_cert("localhost").configure_cert(tls)
            server = running.enter_context(_Server(receiver, tls, 0))
            thread = threading.Thread(target=server.serve_forever, args=(0.02,))
            thread.start()
            running.callback(thread.join)
            running.callback(server.shutdown)
            made.append(receiver)
            return receiver

        yield make
        for each in made:
            for reply in each.replies:
                if reply.opens is not None:
                    reply.opens.set()
    assert [fault for each in made for fault in each.faults] == []


@pytest.fixture
def receiver(make_receiver: MakeReceiver) -> Receiver:
    """A receiver that accepts everything."""
    return make_receiver()
