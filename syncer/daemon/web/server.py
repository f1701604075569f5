"""Web server of the service: its socket, and its limits."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace

import structlog

from syncer.app import App
from syncer.config.web import Web
from syncer.daemon.bell import Bell
from syncer.daemon.calls import Calls
from syncer.daemon.database_health import DatabaseHealth
from syncer.daemon.feed_watch import FeedWatch
from syncer.daemon.telemetry import Telemetry
from syncer.daemon.web import gateway, webhooks
from syncer.daemon.web.gateway_errors import Refusal
from syncer.daemon.web.pages import PATIENCE, pages
from syncer.domain.errors import UsageError
from syncer.domain.limits import MOST_CALL_BYTES
from syncer.http_server.limits import Limits, connections_within, descriptors
from syncer.http_server.server import serving

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

log = structlog.get_logger("syncer")


@contextmanager
def listening(web: Web) -> Iterator[socket.socket | None]:
    """Open the socket of the pages; None where there are to be none.

    Raises UsageError where it is taken, or would let everybody in.
    """
    if not web.enabled:
        yield None
        return
    web.check_access()
    with socket.socket(socket.AF_INET6 if ":" in web.host else socket.AF_INET) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((web.host, web.port))
            listener.listen()
        except OSError as error:
            raise UsageError(
                f"The status page cannot listen on {web.host}:{web.port} ({os.strerror(error.errno or 0)}): "
                "set web.port, or web.enabled = false."
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


def log_address(listener: socket.socket) -> None:
    """Log where the pages are served."""
    host, port = listener.getsockname()[:2]
    log.info("pages_served", url=f"http://{f'[{host}]' if ':' in host else host}:{port}/")
