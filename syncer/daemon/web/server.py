"""Web server of the service: health check, status as JSON, status page."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from syncer.app import App
from syncer.config.secrets import environment_secrets
from syncer.config.sections import Web
from syncer.daemon.database_health import DatabaseHealth
from syncer.daemon.web.page import status_page
from syncer.domain.errors import DatabaseError, DatabaseUnavailable, UsageError
from syncer.operations.status import status as report_status
from syncer.process.logging import Redactor

#: Seconds that a page waits for the database.
PATIENCE = 5.0
#: Nothing is loaded from anywhere, nothing runs, and no cache keeps it.
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

_T = TypeVar("_T")

log = structlog.get_logger("syncer")


def pages(app: App, health: DatabaseHealth | None = None, *, patience: float = PATIENCE) -> Starlette:
    """``/healthz``: 200 while the database can be used, else 503; ``/status``: JSON; ``/``: for people.

    A database that answers but takes no writes shows on the last two: they serve what it holds, with the
    error as ``database``, and ``is_well`` false.
    """
    health = health or DatabaseHealth()
    alive, read_status = (
        _shared(app.selection.mirrored, patience),
        _shared(partial(report_status, app), patience),
    )
    hide = Redactor((*app.settings.secrets(), *environment_secrets(os.environ))).hide

    async def healthz(_: Request) -> Response:
        if health.error is not None:
            raise DatabaseUnavailable(health.error)
        await alive()
        return JSONResponse({"status": "ok"}, headers=HEADERS)

    async def current() -> dict[str, Any]:
        found = await read_status()
        error = health.error
        return found if error is None else {**found, "is_well": False, "database": hide(error)}

    async def status(_: Request) -> Response:
        return JSONResponse(await current(), headers=HEADERS)

    async def page(request: Request) -> Response:
        shown = status_page(await current(), request.query_params.get("integration"))
        return HTMLResponse(shown, headers=HEADERS)

    def unavailable(request: Request, error: Exception) -> Response:
        text = hide(str(error))
        if request.url.path == "/":
            return PlainTextResponse(text, status_code=503, headers=HEADERS)
        return JSONResponse({"status": "unavailable", "error": text}, status_code=503, headers=HEADERS)

    return Starlette(
        routes=[Route("/healthz", healthz), Route("/status", status), Route("/", page)],
        exception_handlers={DatabaseError: unavailable},
    )


def _shared(query: Callable[[], _T], patience: float) -> Callable[[], Awaitable[_T]]:
    """Run a query in a thread, one at a time; requests that come meanwhile share its answer.

    So a database that hangs holds one thread, however many requests come.
    """
    running: asyncio.Task[_T] | None = None

    async def answer() -> _T:
        nonlocal running
        if running is None or running.done():
            running = asyncio.create_task(asyncio.to_thread(query))
            # Nobody may be left to hear of it.
            running.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.wait({running}, timeout=patience)
        if not running.done():
            raise DatabaseUnavailable(f"The database has not answered for {patience:g} s.")
        return running.result()

    return answer


class _Server(uvicorn.Server):
    """Server without signal handlers: the service has its own."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextmanager
def listening(web: Web) -> Iterator[socket.socket | None]:
    """Open the socket of the pages; None where there are to be none. Raises UsageError where it is taken."""
    if not web.enabled:
        yield None
        return
    with socket.socket(socket.AF_INET6 if ":" in web.host else socket.AF_INET) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((web.host, web.port))
            listener.listen()
        except OSError as error:
            raise UsageError(
                f"The status page cannot listen on {web.host}:{web.port} ({error.strerror}): "
                "set web.port, or web.enabled = false."
            ) from None
        yield listener


async def serve_pages(app: App, listener: socket.socket, health: DatabaseHealth | None = None) -> None:
    """Serve the pages until ``app.stopping`` is set."""
    config = uvicorn.Config(
        pages(app, health),
        log_config=None,
        access_log=False,
        # Else variables for programs with several workers, or behind a proxy, would be read.
        workers=1,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=2,
        lifespan="off",
    )
    server = _Server(config)
    host, port = listener.getsockname()[:2]
    log.info("pages_served", url=f"http://{f'[{host}]' if ':' in host else host}:{port}/")

    async def stop() -> None:
        await app.stopping.wait()
        server.should_exit = True

    stopping = asyncio.create_task(stop())
    try:
        await server.serve(sockets=[listener])
    finally:
        stopping.cancel()
