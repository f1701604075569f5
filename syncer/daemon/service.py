"""The service from start to shutdown: migrate, schedule, work, serve pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from syncer.app import App
from syncer.daemon.database_health import DatabaseHealth
from syncer.daemon.integration_watcher import IntegrationWatcher
from syncer.daemon.pressure import LoadMonitor
from syncer.daemon.reprojection import finish_reprojection
from syncer.daemon.schedule import MAKE_UP_EVERY, Schedule
from syncer.daemon.shutdown import stop_on_signals
from syncer.daemon.supervisor import supervise
from syncer.daemon.web.server import listening, serve_pages
from syncer.daemon.workers import Workers
from syncer.domain.errors import SyncerError
from syncer.sync.context import Report

log = structlog.get_logger("syncer")

#: Seconds between two updates of the integrations.
WATCH_EVERY = 60.0


async def run_service(
    app: App,
    *,
    report: Report = lambda _: None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    handle_signals: bool = True,
    watch_every: float = WATCH_EVERY,
) -> None:
    """Run until SIGTERM, SIGINT or ``app.stopping``; then finish the pages under way and release the leases.

    Raises UsageError or DatabaseError where the service cannot start, KeyRefused whenever the key is refused.
    """
    if handle_signals:
        stop_on_signals(app.stopping)
    app.settings.api_key()
    with listening(app.settings.web) as listener:
        async with app.ready(report, may_create=True) as (context, integrations):
            if app.stopping.is_set():
                # A request begun and given up at once would keep the next process waiting for its answer.
                log.info("service_stopped")
                return
            known = await app.database.ask(app.streams.keys)
            health = DatabaseHealth()
            workers = Workers(
                context, integrations, app.settings.sync.concurrency, app.stopping, database_health=health
            )
            schedule = Schedule(
                app.database,
                app.streams,
                {name: app.settings.timing(name).every for name in app.settings.lists},
                clock=clock,
                wake=workers.wake,
                monitor=LoadMonitor(app.capacity, app.database),
                database_health=health,
            )
            watcher = IntegrationWatcher(app, context, integrations, schedule, known, health)
            tasks = [
                schedule.run(
                    app.stopping,
                    integrations=(watch_every, watcher.update),
                    missed_integrations=(MAKE_UP_EVERY, watcher.retry),
                ),
                workers.run(),
                finish_reprojection(app.reprojection, app.stopping, health),
            ]
            if listener is not None:
                tasks.append(serve_pages(app, listener, health))
            log.info("service_started", streams=len(known))
            try:
                await supervise(app.stopping, *tasks)
            except Exception as error:
                log.error("service_failed", error=str(error), exc_info=not isinstance(error, SyncerError))
                raise
    log.info("service_stopped")
