"""Pages for machines that watch over the service: /healthz, /readyz and /metrics."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from syncer.app import App
from syncer.daemon.database_health import DatabaseHealth
from syncer.daemon.metrics.gauges import is_usable, of_numbers, of_readiness
from syncer.daemon.readiness import Check, check_progress, check_scheduler
from syncer.daemon.telemetry import Telemetry
from syncer.daemon.web.scrape import encode_metrics
from syncer.daemon.web.shared_query import SharedQuery
from syncer.domain.errors import DatabaseError
from syncer.operations.numbers import Numbers, read_numbers

#: Seconds that probes and scrapes wait for the database: those who ask have less patience than people.
PATIENCE = 2.0
_NOT_MIGRATED = "The database has the tables of another version: `syncer migrate` brings it to this one."
_UNKNOWN = "Nobody knows while the database cannot be used."


async def healthz(_: Request) -> Response:
    """Answer that the process lives."""
    return JSONResponse({"status": "ok"})


class Look(Struct, frozen=True):
    """Result of looking once: the numbers, as far as they can be read, and what is wrong, by check."""

    numbers: Numbers | None
    problems: dict[Check, str | None]

    @property
    def checks(self) -> dict[str, bool]:
        """Checks by name, and whether each passes."""
        return {each.value: problem is None for each, problem in self.problems.items()}


class Vitals:
    """Vitals of the service. is_trusted: tells who may read why something fails; hide: takes secrets out.

    patience: seconds that a request waits for the database.
    """

    def __init__(
        self,
        app: App,
        health: DatabaseHealth,
        telemetry: Telemetry,
        *,
        is_trusted: Callable[[Request], bool],
        hide: Callable[[str], str],
        patience: float = PATIENCE,
    ) -> None:
        self._app = app
        self._health = health
        self._activity = telemetry.activity
        self._registry = telemetry.counters.registry
        self._is_trusted = is_trusted
        self._hide = hide
        self._numbers = SharedQuery[None, Numbers | None](lambda _: read_numbers(app), patience)

    def routes(self) -> list[Route]:
        """Make the routes of these pages."""
        return [
            Route("/healthz", healthz),
            Route("/readyz", self._readyz),
            Route("/metrics", self._metrics),
        ]

    async def _readyz(self, request: Request) -> Response:
        look = await self._look()
        is_ready = all(look.checks.values())
        body: dict[str, object] = {"status": "ready" if is_ready else "not ready", "checks": look.checks}
        if not is_ready and self._is_trusted(request):
            body["problems"] = {
                each: self._hide(problem) for each, problem in look.problems.items() if problem is not None
            }
        return JSONResponse(body, 200 if is_ready else 503)

    async def _metrics(self, request: Request) -> Response:
        look = await self._look()
        metrics = [*is_usable(is_up=look.problems[Check.DATABASE] is None), *of_readiness(look.checks)]
        if look.numbers is not None:
            environments = self._app.environments.items()
            reserves = {name: each.settings.budget.reserve for name, each in environments}
            metrics += of_numbers(look.numbers, reserves)
        return encode_metrics(request, self._registry, metrics)

    async def _look(self) -> Look:
        """Find out how the service is; whoever else asks at the same time gets the same numbers."""
        numbers, error, is_read = None, self._health.error, True
        try:
            numbers = await self._numbers.ask(None)
        except DatabaseError as failure:
            error, is_read = error or str(failure), False
        migrated = progress = _UNKNOWN if not is_read else None
        if is_read and numbers is None:
            migrated = _NOT_MIGRATED
            progress = "Nothing is read before the database has been migrated."
        elif numbers is not None:
            for name, each in numbers.mirror.environments.items():
                self._activity.walks_seen(name, each.walks)
            stalls = check_progress(numbers.mirror, self._app.settings, self._activity)
            progress = " ".join(stalls.values()) or None
        return Look(
            numbers,
            {
                Check.DATABASE: error,
                Check.MIGRATED: migrated,
                Check.SCHEDULER: check_scheduler(self._activity),
                Check.PROGRESS: progress,
            },
        )
