"""One connection: uvicorn's HTTP/1.1 protocol, with a deadline for all that the client has to do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from email.utils import formatdate
from functools import partial
from http import HTTPStatus

import h11
import uvicorn
from msgspec import Struct
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.server import ServerState

from syncer.http_server.limits import Limits
from syncer.http_server.parsing import RequestParser
from syncer.http_server.refusals import Refusals
from syncer.http_server.turns import Turns

#: A read of fewer bytes that leaves a request incomplete is followed by a pause of so many seconds: who sends
#: a request byte by byte wakes the loop a few times a second, and not with each byte.
FRAGMENT = 4096
FRAGMENT_PAUSE = 0.05
#: Such reads that each request may take without a pause: many clients send its head and its body apart.
FREE_FRAGMENTS = 4
#: Bytes of a response that wait in memory for a client at most, beside the application's own.
PIECE = 256 * 1024
#: Seconds that a client has at least to send its request, however many others there are.
SEND_WITHIN = 0.1


class Shared(Struct, frozen=True):
    """Parts of a server that its connections share.

    turns: None where requests are answered as they come. closed: what to call with a connection that is lost.
    """

    config: uvicorn.Config
    state: ServerState
    limits: Limits
    refusals: Refusals
    turns: Turns | None
    is_dated: bool
    is_crowded: Callable[[], bool]
    closed: Callable[[HttpConnection], None]


class ResponseBroken(Exception):
    """Error of an application that has begun a response and cannot end it: the connection is closed."""


class HttpConnection(H11Protocol):
    """A connection whose client has so long to send a request and to take the response, and no longer."""

    def __init__(self, shared: Shared, peer: str) -> None:
        super().__init__(config=shared.config, server_state=shared.state, app_state={})
        self.conn: RequestParser = RequestParser(shared.limits)
        self.app, self._application = self._answer_in_turn, self.app
        self.peer = peer
        self.since = self.loop.time()
        self._shared = shared
        self._turn: asyncio.Future[bool] | None = None
        self._request_timer: asyncio.TimerHandle | None = None
        self._response_timer: asyncio.TimerHandle | None = None
        self._has_sent = self._is_aborted = False
        self._fragments = 0

    @property
    def is_waiting(self) -> bool:
        """True while it waits for its client to send the rest of a request or to take the response."""
        if self.loop.time() < self.since + SEND_WITHIN:
            return False
        return self._is_request_incomplete or self.flow.write_paused

    @property
    def _is_request_incomplete(self) -> bool:
        return self.conn.their_state in (h11.IDLE, h11.SEND_BODY)

    def abort(self, reason: str | None = None) -> None:
        """Close it at once, with whatever is not sent yet. reason: a word for the log."""
        self._is_aborted = True
        if reason is not None:
            self._shared.refusals.count(reason)
        if self.transport is not None:
            self.transport.abort()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        # pause_writing says then that a client has not taken everything, and resume_writing that it has.
        transport.set_write_buffer_limits(high=0)
        self._keep_time()
        if self._is_aborted:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._request_timer, self._response_timer):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)
        if self._turn is not None and not self._turn.done():
            self._turn.set_result(False)
        self._shared.closed(self)

    def data_received(self, data: bytes) -> None:
        self._has_sent = True
        super().data_received(data)
        self._keep_time()
        if len(data) < FRAGMENT and self._is_request_incomplete and not self.transport.is_closing():
            self._fragments += 1
            if self._fragments > FREE_FRAGMENTS:
                self.transport.pause_reading()
                self.loop.call_later(FRAGMENT_PAUSE, self._read_on)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._response_timer is None:
            self._response_timer = self.loop.call_later(
                self._shared.limits.response_seconds, self.abort, "response_not_taken"
            )

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._response_timer is not None:
            self._response_timer.cancel()
            self._response_timer = None

    # What uvicorn calls.

    def send_400_response(self, msg: str) -> None:
        """Refuse what could not be parsed."""
        self._refuse(self.conn.refused_with, "malformed", self.conn.refusal)

    def on_response_complete(self) -> None:
        """Wait for the next request, unless somebody else needs the connection."""
        self.since = self.loop.time()
        self._has_sent, self._fragments = False, 0
        # What comes of a body that nobody waits for any more has the time that others have.
        self.conn.is_upload = False
        if self._shared.is_crowded():
            self.transport.close()
        super().on_response_complete()

    def shutdown(self) -> None:
        """Close it as soon as the request under way is answered."""
        # None where no request could be read, so that there is none to be answered.
        cycle: RequestResponseCycle | None = self.cycle
        if self._is_request_incomplete:
            self.abort()
        elif cycle is None or cycle.response_complete:
            self.transport.close()
        else:
            cycle.keep_alive = False

    async def _answer_in_turn(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if self._shared.turns is not None:
                self._turn = self._shared.turns.take()
                if not await self._turn:
                    return
            if self._shared.is_dated:
                self.cycle.default_headers = [(b"date", formatdate(usegmt=True).encode())]
            await self._application(scope, receive, partial(self._send_in_pieces, send))
        except (ClientDisconnect, ResponseBroken, asyncio.CancelledError):
            # Nobody is left to be answered, what was begun cannot be ended, or the server ends: uvicorn need
            # not complain that there is no whole response.
            self.cycle.disconnected = True
            self.abort()

    async def _send_in_pieces(self, send: Send, message: Message) -> None:
        """Send a long body so that each piece is taken before the next one is copied."""
        rest = memoryview(message.get("body", b""))
        while len(rest) > PIECE:
            await self._send(send, {**message, "body": bytes(rest[:PIECE]), "more_body": True})
            rest = rest[PIECE:]
        await self._send(send, {**message, "body": bytes(rest)} if "body" in message else message)

    async def _send(self, send: Send, message: Message) -> None:
        if self.transport.is_closing():
            # The client has gone; asyncio would log each write.
            self.cycle.disconnected = True
        if any(name.lower() == b"date" for name, _ in message.get("headers", ())):
            self.cycle.default_headers = []
        await send(message)

    def _keep_time(self) -> None:
        """Start the clock of a request with its first byte, and stop it with the last.

        That of an upload starts anew with whatever comes.
        """
        if not self._is_request_incomplete or self.transport.is_closing():
            if self._request_timer is not None:
                self._request_timer.cancel()
                self._request_timer = None
        elif self._request_timer is None or self.conn.is_upload:
            self._start_clock()

    def _start_clock(self) -> None:
        if self._request_timer is not None:
            self._request_timer.cancel()
        self._request_timer = self.loop.call_later(self._shared.limits.request_seconds, self._give_up_request)

    def _give_up_request(self) -> None:
        if self.conn.is_upload and self.flow.read_paused:
            # The application is slower than the client.
            self._start_clock()
        elif self._has_sent:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "request_not_sent")
        else:
            # Browsers open connections that they may need later.
            self.abort()

    def _read_on(self) -> None:
        if not self.flow.read_paused and not self.transport.is_closing():
            self.transport.resume_reading()

    def _refuse(self, status: int, reason: str, body: bytes = b"") -> None:
        """Answer with an error where nothing has been answered yet, and close. body: JSON, or nothing."""
        self._shared.refusals.count(reason)
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete:
            # What is at work on the request is told that there is nobody any more.
            cycle.disconnected = True
            cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            # Written by hand: h11 refuses what does not fit a request, of which it may know half.
            line = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"
            kind = "Content-Type: application/json\r\n" if body else ""
            head = f"{line}\r\n{kind}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            self.transport.write(head.encode() + body)
        self.transport.close()
