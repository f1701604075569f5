"""Receiver of Kombo's webhooks: the signature first, then stored, then answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from syncer.daemon.inbox import Inbox
from syncer.daemon.metrics.counters import NOT_STORED, TOO_LARGE, WRONG_SIGNATURE
from syncer.domain.errors import DatabaseError
from syncer.domain.webhooks.event import EventType, parse_event
from syncer.domain.webhooks.signature import SIGNATURE_HEADER, is_signed
from syncer.http_server.refusals import Refusals

PATH = "/webhooks/kombo"
#: Bytes of a body: more than Kombo sends.
MOST_BYTES = 1024 * 1024


class WebhookReceiver:
    """Endpoint for those who know one of the secrets; which one tells the environment.

    inboxes: those of the environments, with the secrets that sign their webhooks.

    No other rule of the pages holds for it: senders have no token, and come through a proxy under any name.
    count: told of the type and the outcome of each webhook, or of the reason why it was refused.
    """

    def __init__(
        self,
        inboxes: Iterable[tuple[Sequence[str], Inbox]],
        count: Callable[[EventType | None, str], None] = lambda _, __: None,
    ) -> None:
        self._inboxes = [(tuple(secrets), inbox) for secrets, inbox in inboxes if secrets]
        self._count = count
        self._refusals = Refusals("webhooks")

    def routes(self) -> list[Route]:
        """Make its route; none without secrets."""
        return [Route(PATH, self._receive, methods=["POST"])] if self._inboxes else []

    async def _receive(self, request: Request) -> Response:
        body = await _read(request)
        if body is None:
            return self._refuse(413, TOO_LARGE, "The body is longer than 1 MiB.")
        signatures = request.headers.getlist(SIGNATURE_HEADER)
        signature = signatures[0] if len(signatures) == 1 else None
        signed = [inbox for secrets, inbox in self._inboxes if is_signed(body, signature, secrets)]
        if not signed:
            return self._refuse(401, WRONG_SIGNATURE, "The signature is missing or wrong.")
        event = parse_event(body)
        try:
            outcome = await signed[0].put(event)
        except DatabaseError:
            # What is wrong with it is for those who see the pages.
            text = "The event cannot be stored now: send it again."
            answer = self._refuse(503, NOT_STORED, text, event.type)
            answer.headers["Retry-After"] = "10"
            return answer
        self._count(event.type, outcome)
        return JSONResponse({"outcome": outcome})

    def _refuse(self, status: int, reason: str, text: str, event_type: EventType | None = None) -> Response:
        self._refusals.count(reason)
        self._count(event_type, reason)
        return JSONResponse({"error": text}, status_code=status)


async def _read(request: Request) -> bytes | None:
    """Read the body; None where it is too long. Raises ClientDisconnect."""
    pieces, size = list[bytes](), 0
    async for piece in request.stream():
        size += len(piece)
        if size > MOST_BYTES:
            return None
        pieces.append(piece)
    return b"".join(pieces)
