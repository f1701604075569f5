"""The service from start to end: migrate, schedule, work, serve pages; stop in order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from syncer.app import App
from syncer.daemon.database_health import Availability
from syncer.daemon.integration_watcher import Following
from syncer.daemon.pressure import LoadMonitor
from syncer.daemon.reprojection import keep_projected
from syncer.daemon.schedule import MAKE_UP_EVERY, Schedule
from syncer.daemon.shutdown import end_on_signals
from syncer.daemon.waiting import together
from syncer.daemon.web.server import listening, serve_pages
from syncer.daemon.workers import Workers
from syncer.domain.errors import SyncerError
from syncer.sync.context import Report

log = structlog.get_logger("syncer")

#: Seconds between two looks at which integrations there are.
FOLLOW_EVERY = 60.0


async def run_service(
    app: App,
    *,
    report: Report = lambda _: None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    handle_signals: bool = True,
    follow_every: float = FOLLOW_EVERY,
) -> None:
    """Run until SIGTERM, SIGINT or ``app.stopping``; then finish the pages under way and release the leases.

    Raises UsageError or DatabaseError where the service cannot start, KeyRefused whenever the key is refused.
    """
    if handle_signals:
        end_on_signals(app.stopping)
    app.settings.api_key()
    with listening(app.settings.web) as listener:
        async with app.ready(report) as (context, asking):
            if app.stopping.is_set():
                # A request begun and given up at once would keep the next process waiting for its answer.
                log.info("service_stopped")
                return
            known = await app.database.ask(app.streams.keys)
            availability = Availability()
            workers = Workers(
                context, asking, app.settings.sync.concurrency, app.stopping, availability=availability
            )
            schedule = Schedule(
                app.database,
                app.streams,
                {name: app.settings.timing(name).every for name in app.settings.lists},
                clock=clock,
                wake=workers.wake,
                monitor=LoadMonitor(app.capacity, app.database),
                availability=availability,
            )
            following = Following(app, context, asking, schedule, known, availability)
            sides = [
                schedule.run(
                    app.stopping,
                    integrations=(follow_every, following.follow),
                    missed_integrations=(MAKE_UP_EVERY, following.make_up),
                ),
                workers.run(),
                keep_projected(app.reprojection, app.stopping, availability),
            ]
            if listener is not None:
                sides.append(serve_pages(app, listener, availability))
            log.info("service_started", streams=len(known))
            try:
                await together(app.stopping, *sides)
            except Exception as error:
                log.error("service_failed", error=str(error), exc_info=not isinstance(error, SyncerError))
                raise
    log.info("service_stopped")
