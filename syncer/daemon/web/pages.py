"""The pages of the service as an ASGI application: health, metrics, status, changes, status page."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from syncer.app import App
from syncer.config.secrets import environment_secrets
from syncer.daemon.bell import Bell
from syncer.daemon.calls import Calls
from syncer.daemon.database_health import DatabaseHealth
from syncer.daemon.event_applier import EventApplier
from syncer.daemon.feed_watch import FeedWatch
from syncer.daemon.inbox import Inbox
from syncer.daemon.telemetry import Telemetry
from syncer.daemon.web.access import Access, Guard
from syncer.daemon.web.changes import ChangePages
from syncer.daemon.web.gateway import PATH as GATEWAY_PATH
from syncer.daemon.web.gateway import Gateway
from syncer.daemon.web.page.facts import process_facts
from syncer.daemon.web.page.status_pages import StatusPages, error_page
from syncer.daemon.web.page.views import Views
from syncer.daemon.web.shared_query import SharedQuery
from syncer.daemon.web.vitals import PATIENCE as VITALS_PATIENCE
from syncer.daemon.web.vitals import Vitals
from syncer.daemon.web.webhooks import WebhookReceiver
from syncer.domain.errors import DatabaseError
from syncer.operations.status import status as report_status
from syncer.process.logging import Redactor
from syncer.store.reading.overview import EVERY_STREAM

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
    calls: Calls | None = None,
    *,
    most_waiting: int = MOST_WAITING,
    patience: float = PATIENCE,
) -> Starlette:
    """``/healthz``: 200 while the process lives; ``/readyz``: 200 while it does its work, else 503.

    ``/metrics``: for Prometheus; ``/status``: JSON; ``/``: for people. ``/changes``: the change feed; watch,
    which somebody else runs, wakes those who wait for it. ``/webhooks/kombo`` takes events,
    and rings the bell. ``/gateway/v1/``: Kombo's API for applications; calls: those under way, which somebody
    else lets through.

    A database that answers but takes no writes shows on ``/`` and ``/status``: they serve what it holds, with
    the error as ``database``, and ``is_well`` false. The first two are open to everybody, and tell what is
    wrong only to whom the others are open, too. telemetry: of the service whose pages these are.
    """
    health, bell, telemetry = health or DatabaseHealth(), bell or Bell(), telemetry or Telemetry()
    receiver = WebhookReceiver(
        (
            (each.settings.webhooks.all_secrets, Inbox(each, EventApplier(each, bell.ring).wake))
            for each in app.environments.values()
        ),
        telemetry.counters.count_webhook,
    )
    if receiver.routes():
        telemetry.counters.begin_webhooks()
    access = Access(app.settings.web)
    hide = Redactor((*app.settings.secrets(), *environment_secrets(os.environ))).hide

    # Encoded by the query, too: of a large mirror that takes longer than the event loop should wait.
    def read_json(error: str | None) -> bytes:
        found = report_status(app, EVERY_STREAM)
        return msgspec.json.encode(
            found if error is None else {**found, "is_well": False, "database": hide(error)}
        )

    whole = SharedQuery[str | None, bytes](read_json, patience)
    people = StatusPages(Views(app, telemetry.budgets, process_facts(app), hide), health, patience)

    async def status(_: Request) -> Response:
        return Response(await whole.ask(health.error), media_type="application/json")

    def unavailable(request: Request, error: Exception) -> Response:
        if access.refusal(request.scope) is not None:
            return JSONResponse({"status": "unavailable"}, status_code=503)
        text = hide(str(error))
        if people.serves(request.url.path):
            return error_page(request, 503, "The mirror cannot be read now.", text, datetime.now(UTC))
        return JSONResponse({"status": "unavailable", "error": text}, status_code=503)

    vitals = Vitals(
        app,
        health,
        telemetry,
        is_trusted=lambda request: access.refusal(request.scope) is None,
        hide=hide,
        patience=min(patience, VITALS_PATIENCE),
    )

    def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if people.serves(request.url.path) and error.status_code == 404:
            return error_page(request, 404, error.detail, "", datetime.now(UTC))
        return PlainTextResponse(error.detail, error.status_code, error.headers)

    gateway = Gateway(
        app, calls or Calls(), on_due=bell.ring, count=telemetry.counters.count_call, patience=patience
    )
    if gateway.routes():
        telemetry.counters.begin_gateway()
    changes = ChangePages(app, watch or FeedWatch(app.database), most_waiting=most_waiting, patience=patience)
    made = Starlette(
        routes=[
            *vitals.routes(),
            Route("/status", status),
            *people.routes(),
            changes.route,
            *receiver.routes(),
            *gateway.routes(),
        ],
        middleware=[Middleware(Guard, access=access, apart=GATEWAY_PATH if gateway.routes() else None)],
        exception_handlers={DatabaseError: unavailable, HTTPException: refused},
    )
    # A redirection would repeat the name by which the client called the service.
    made.router.redirect_slashes = False
    return made
