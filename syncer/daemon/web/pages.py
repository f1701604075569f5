"""The pages of the service as an ASGI application: health, metrics, status, changes, status page."""

from __future__ import annotations

import os
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from syncer.app import App
from syncer.config.secrets import environment_secrets
from syncer.daemon.bell import Bell
from syncer.daemon.database_health import DatabaseHealth
from syncer.daemon.feed_watch import FeedWatch
from syncer.daemon.inbox import Inbox
from syncer.daemon.telemetry import Telemetry
from syncer.daemon.web.access import Access, Guard
from syncer.daemon.web.changes import ChangePages
from syncer.daemon.web.page import status_page
from syncer.daemon.web.shared_query import SharedQuery
from syncer.daemon.web.vitals import PATIENCE as VITALS_PATIENCE
from syncer.daemon.web.vitals import Vitals
from syncer.daemon.web.webhooks import WebhookReceiver
from syncer.domain.errors import DatabaseError
from syncer.operations.status import status as report_status
from syncer.process.logging import Redactor
from syncer.store.reading.overview import EVERY_STREAM, StreamChoice

#: Seconds that a page waits for the database.
PATIENCE = 5.0
#: Requests that may wait for changes at once.
MOST_WAITING = 32


def pages(
    app: App,
    health: DatabaseHealth | None = None,
    bell: Bell | None = None,
    watch: FeedWatch | None = None,
    telemetry: Telemetry | None = None,
    *,
    most_waiting: int = MOST_WAITING,
    patience: float = PATIENCE,
) -> Starlette:
    """``/healthz``: 200 while the process lives; ``/readyz``: 200 while it does its work, else 503.

    ``/metrics``: for Prometheus; ``/status``: JSON; ``/``: for people. ``/changes``: the change feed; watch,
    which somebody else runs, wakes those who wait for it. ``/webhooks/kombo`` takes events,
    and rings the bell.

    A database that answers but takes no writes shows on ``/`` and ``/status``: they serve what it holds, with
    the error as ``database``, and ``is_well`` false. The first two are open to everybody, and tell what is
    wrong only to whom the others are open, too. telemetry: of the service whose pages these are.
    """
    health, bell, telemetry = health or DatabaseHealth(), bell or Bell(), telemetry or Telemetry()
    receiver = WebhookReceiver(
        app.settings.webhooks.all_secrets, Inbox(app, bell.ring), telemetry.counters.count_webhook
    )
    access = Access(app.settings.web)
    hide = Redactor((*app.settings.secrets(), *environment_secrets(os.environ))).hide

    def read(choice: StreamChoice, error: str | None) -> dict[str, Any]:
        found = report_status(app, choice)
        return found if error is None else {**found, "is_well": False, "database": hide(error)}

    # Rendered by the query, too: of a large mirror that takes longer than the event loop should wait.
    def read_json(error: str | None) -> bytes:
        return msgspec.json.encode(read(EVERY_STREAM, error))

    def read_page(error: str | None) -> str:
        return status_page(read(StreamChoice(), error))

    def read_integration(key: tuple[str, str | None]) -> str | None:
        chosen, error = key
        found = read(StreamChoice(integrations=(chosen,), only_problems=False), error)
        return status_page(found, chosen) if found["integrations"] else None

    whole = SharedQuery[str | None, bytes](read_json, patience)
    front = SharedQuery[str | None, str](read_page, patience)
    one = SharedQuery[tuple[str, str | None], str | None](read_integration, patience)

    async def status(_: Request) -> Response:
        return Response(await whole.ask(health.error), media_type="application/json")

    async def page(request: Request) -> Response:
        chosen = request.query_params.get("integration")
        if chosen is None:
            return HTMLResponse(await front.ask(health.error))
        found = await one.ask((chosen, health.error))
        if found is None:
            return PlainTextResponse("There is no such integration in the mirror.", status_code=404)
        return HTMLResponse(found)

    def unavailable(request: Request, error: Exception) -> Response:
        if access.refusal(request.scope) is not None:
            return JSONResponse({"status": "unavailable"}, status_code=503)
        text = hide(str(error))
        if request.url.path == "/":
            return PlainTextResponse(text, status_code=503)
        return JSONResponse({"status": "unavailable", "error": text}, status_code=503)

    vitals = Vitals(
        app,
        health,
        telemetry,
        is_trusted=lambda request: access.refusal(request.scope) is None,
        hide=hide,
        patience=min(patience, VITALS_PATIENCE),
    )
    changes = ChangePages(app, watch or FeedWatch(app.database), most_waiting=most_waiting, patience=patience)
    made = Starlette(
        routes=[
            *vitals.routes(),
            Route("/status", status),
            Route("/", page),
            changes.route,
            *receiver.routes(),
        ],
        middleware=[Middleware(Guard, access=access)],
        exception_handlers={DatabaseError: unavailable},
    )
    # A redirection would repeat the name by which the client called the service.
    made.router.redirect_slashes = False
    return made
