"""Pages of a worker as an ASGI application: /healthz, and /metrics with what this process counts.

What the database knows is told by the services.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from syncer.config.web import Web
from syncer.daemon.database_health import DatabaseHealth
from syncer.daemon.metrics.gauges import is_usable
from syncer.daemon.telemetry import Telemetry
from syncer.daemon.web.access import Access, Guard
from syncer.daemon.web.scrape import encode_metrics
from syncer.daemon.web.vitals import healthz


def worker_pages(web: Web, health: DatabaseHealth, telemetry: Telemetry) -> Starlette:
    """``/healthz``: 200 while the process lives; ``/metrics``: for Prometheus. web: who is let in."""

    async def metrics(request: Request) -> Response:
        metrics = [*is_usable(is_up=health.error is None)]
        return encode_metrics(request, telemetry.counters.registry, metrics)

    made = Starlette(
        routes=[Route("/healthz", healthz), Route("/metrics", metrics)],
        middleware=[Middleware(Guard, access=Access(web))],
    )
    made.router.redirect_slashes = False
    return made
