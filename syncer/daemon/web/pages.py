"""The pages of the service as an ASGI application: health check, status as JSON, status page."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from syncer.app import App
from syncer.config.secrets import environment_secrets
from syncer.daemon.bell import Bell
from syncer.daemon.database_health import DatabaseHealth
from syncer.daemon.inbox import Inbox
from syncer.daemon.web.access import Access, Guard
from syncer.daemon.web.formatting import Stream
from syncer.daemon.web.page import status_page
from syncer.daemon.web.shared_query import SharedQuery
from syncer.daemon.web.webhooks import WebhookReceiver
from syncer.domain.errors import DatabaseError, DatabaseUnavailable
from syncer.operations.status import status as report_status
from syncer.process.logging import Redactor

#: Seconds that a page waits for the database.
PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """Status report, its streams by integration, and both responses that are made of the whole."""

    status: Mapping[str, Any]
    streams: Mapping[str, list[Stream]]
    json: bytes
    page: bytes


def pages(
    app: App,
    health: DatabaseHealth | None = None,
    bell: Bell | None = None,
    *,
    patience: float = PATIENCE,
) -> Starlette:
    """``/healthz``: 200 while the database can be used, else 503; ``/status``: JSON; ``/``: for people.

    A database that answers but takes no writes shows on the last two: they serve what it holds, with the
    error as ``database``, and ``is_well`` false. The first one is open to everybody, and tells the error only
    to whom the others are open, too. ``/webhooks/kombo`` takes events, and rings the bell for them.
    """
    health, bell = health or DatabaseHealth(), bell or Bell()
    receiver = WebhookReceiver(app.settings.webhooks.all_secrets, Inbox(app, bell.ring))
    access = Access(app.settings.web)
    hide = Redactor((*app.settings.secrets(), *environment_secrets(os.environ))).hide

    def read(error: str | None) -> _Snapshot:
        found = report_status(app)
        if error is not None:
            found = {**found, "is_well": False, "database": hide(error)}
        # Rendered here, too: of a large mirror that takes longer than the event loop should wait.
        streams: dict[str, list[Stream]] = defaultdict(list)
        for each in found["streams"]:
            streams[each["integration"]].append(each)
        return _Snapshot(found, dict(streams), bytes(JSONResponse(found).body), status_page(found).encode())

    alive = SharedQuery[None, object](lambda _: app.selection.mirrored(), patience)
    snapshot = SharedQuery[str | None, _Snapshot](read, patience)

    async def healthz(_: Request) -> Response:
        if health.error is not None:
            raise DatabaseUnavailable(health.error)
        await alive.ask(None)
        return JSONResponse({"status": "ok"})

    async def status(_: Request) -> Response:
        return Response((await snapshot.ask(health.error)).json, media_type="application/json")

    async def page(request: Request) -> Response:
        current = await snapshot.ask(health.error)
        chosen = request.query_params.get("integration")
        if chosen is None:
            return HTMLResponse(current.page)
        return HTMLResponse(
            status_page({**current.status, "streams": current.streams.get(chosen, [])}, chosen)
        )

    def unavailable(request: Request, error: Exception) -> Response:
        if access.refusal(request.scope) is not None:
            return JSONResponse({"status": "unavailable"}, status_code=503)
        text = hide(str(error))
        if request.url.path == "/":
            return PlainTextResponse(text, status_code=503)
        return JSONResponse({"status": "unavailable", "error": text}, status_code=503)

    made = Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/status", status),
            Route("/", page),
            *receiver.routes(),
        ],
        middleware=[Middleware(Guard, access=access)],
        exception_handlers={DatabaseError: unavailable},
    )
    # A redirection would repeat the name by which the client called the service.
    made.router.redirect_slashes = False
    return made
