"""Web server of the service: its socket, and its limits."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from msgspec.structs import replace

from syncer.app import App
from syncer.config.web import PAGES, Served, Web
from syncer.daemon.bell import Bell
from syncer.daemon.calls import Calls
from syncer.daemon.database_health import DatabaseHealth
from syncer.daemon.feed_watch import FeedWatch
from syncer.daemon.telemetry import Telemetry
from syncer.daemon.web import gateway, webhooks
from syncer.daemon.web.gateway_errors import Refusal
from syncer.daemon.web.pages import PATIENCE, pages
from syncer.daemon.web.worker_pages import worker_pages
from syncer.domain.errors import UsageError
from syncer.domain.limits import MOST_CALL_BYTES
from syncer.http_server.limits import Limits, connections_within, descriptors
from syncer.http_server.server import serving
from syncer.process.log import Logger

#: Limits of what clients take of the service, whose work is another.
LIMITS = Limits(
    connections=64,
    connections_per_second=600,
    body=64 * 1024,
    requests_per_second=200,
    bodies={webhooks.PATH.encode(): webhooks.MOST_BYTES},
)
#: Limits where applications call through the service, which know its token.
GATEWAY_LIMITS = replace(
    LIMITS,
    connections=256,
    requests_per_second=1_000,
    uploads={gateway.PATH.encode(): MOST_CALL_BYTES},
    too_long={gateway.PATH.encode(): Refusal.too_long().body},
)

log = Logger()


@contextmanager
def listening(web: Web, served: Served = PAGES) -> Iterator[socket.socket | None]:
    """Open the socket of what is served; None where that is nothing.

    Raises UsageError where it is taken, or would let everybody in.
    """
    if not web.enabled:
        yield None
        return
    web.check_access(served)
    with socket.socket(socket.AF_INET6 if ":" in web.host else socket.AF_INET) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((web.host, web.port))
            listener.listen()
        except OSError as error:
            raise UsageError(
                f"{served.name} cannot listen on {web.host}:{web.port} ({os.strerror(error.errno or 0)}): "
                f"set {served.port}, or {served.off}."
            ) from None
        yield listener


@asynccontextmanager
async def serving_pages(
    app: App,
    listener: socket.socket,
    health: DatabaseHealth | None = None,
    bell: Bell | None = None,
    watch: FeedWatch | None = None,
    telemetry: Telemetry | None = None,
    calls: Calls | None = None,
) -> AsyncIterator[None]:
    """Serve the pages while the block runs.

    bell: rung after events have been stored. watch: of the change feed, which somebody else runs. history: of
    the request budget, which somebody else fills. calls: of applications, which somebody else lets through.
    """
    limits = GATEWAY_LIMITS if app.settings.gateway.enabled else LIMITS
    # Who waits for changes must leave room for those who look at the status.
    most_waiting = connections_within(limits.connections, descriptors()) // 2
    made = pages(app, health, bell, watch, telemetry, calls, most_waiting=most_waiting, patience=PATIENCE)
    async with serving(made, listener, limits, name="pages"):
        yield


@asynccontextmanager
async def serving_metrics(
    app: App, listener: socket.socket, health: DatabaseHealth, telemetry: Telemetry
) -> AsyncIterator[None]:
    """Serve the pages of a worker while the block runs."""
    async with serving(worker_pages(app.settings.web, health, telemetry), listener, LIMITS, name="metrics"):
        yield


def log_address(listener: socket.socket) -> None:
    """Log where the pages are served."""
    log.info("pages_served", url=f"{_address(listener)}/")


def log_metrics_address(listener: socket.socket) -> None:
    """Log where the metrics of a worker are served."""
    log.info("metrics_served", url=f"{_address(listener)}/metrics")


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
