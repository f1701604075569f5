"""The service from start to shutdown: migrate, schedule, work, serve pages."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime

from syncer.app import App
from syncer.daemon.alerts import send_alerts
from syncer.daemon.bell import Bell
from syncer.daemon.calls import Calls
from syncer.daemon.database_health import DatabaseHealth
from syncer.daemon.database_watch import LOOK_EVERY, check_database, watch_database
from syncer.daemon.deliveries.deliver import deliver_changes
from syncer.daemon.due_listener import listen
from syncer.daemon.environment_work import EnvironmentWork
from syncer.daemon.feed_watch import FeedWatch
from syncer.daemon.opened_mirror import OpenedMirror, open_mirror, work_on_mirror
from syncer.daemon.presence import announce
from syncer.daemon.reprojection import finish_reprojection
from syncer.daemon.retention import drop_regularly
from syncer.daemon.shutdown import stop_on_signals
from syncer.daemon.supervisor import supervise
from syncer.daemon.telemetry import Telemetry
from syncer.daemon.waiting import any_of
from syncer.daemon.web.server import listening, log_address, serving_pages
from syncer.domain.errors import SyncerError
from syncer.domain.texts.exceptions import describe_exception
from syncer.operations.exposures import find_exposures
from syncer.process.log import Logger
from syncer.store.state.processes import SERVICE
from syncer.sync.context import Report

log = Logger()

#: Seconds between two updates of the integrations.
WATCH_EVERY = 60.0


async def run_service(
    app: App,
    *,
    report: Report = lambda _: None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    handle_signals: bool = True,
    watch_every: float = WATCH_EVERY,
    look_every: float = LOOK_EVERY,
) -> None:
    """Run until SIGTERM, SIGINT or ``app.stopping``; then finish the pages under way and release the leases.

    Where the database is replaced meanwhile, begin anew with the one that is there: looked for every so many
    seconds, as the integrations are. Raises UsageError or DatabaseError where the service cannot start; a
    refused key does not end it.
    """
    if handle_signals:
        stop_on_signals(app.stopping)
    for each in app.environments.values():
        each.settings.api_key()
    app.settings.check_access()
    health, bell, telemetry, calls = DatabaseHealth(), Bell(), Telemetry(), Calls()
    telemetry.count_requests(app)
    feed_watch = FeedWatch(app.database, listens=app.settings.changes.notify)
    with listening(app.settings.web) as listener:
        async with AsyncExitStack() as stack:
            if listener is not None:
                # From the beginning: a migration may take long, and whoever asks meanwhile is told so.
                await stack.enter_async_context(
                    serving_pages(app, listener, health, bell, feed_watch, telemetry, calls)
                )
            opened_stack = await stack.enter_async_context(AsyncExitStack())
            first = await open_mirror(app, opened_stack, report, app.environments, may_create=True)
            if app.stopping.is_set():
                # A request begun and given up at once would keep the next process waiting for its answer.
                log.info("service_stopped")
                return
            if listener is not None:
                log_address(listener)
            for exposure in await find_exposures(app):
                log.warning("exposure_found", subject=exposure.subject, reason=exposure.reason)

            async def work(opened: OpenedMirror) -> None:
                await _work(
                    app, opened, health, bell, feed_watch, telemetry, calls, clock, watch_every, look_every
                )

            try:
                await supervise(
                    app.stopping,
                    work_on_mirror(app, opened_stack, first, work, health, report, look_every),
                    feed_watch.run(app.stopping),
                )
            except Exception as error:
                log.error(
                    "service_failed",
                    error=describe_exception(error),
                    exc_info=not isinstance(error, SyncerError),
                )
                raise
    log.info("service_stopped")


async def _work(
    app: App,
    opened: OpenedMirror,
    health: DatabaseHealth,
    bell: Bell,
    feed_watch: FeedWatch,
    telemetry: Telemetry,
    calls: Calls,
    clock: Callable[[], datetime],
    watch_every: float,
    look_every: float,
) -> None:
    """Keep the mirror up to date until ``app.stopping``. Raises DatabaseReplaced."""
    ending = asyncio.Event()
    works = [
        EnvironmentWork(
            each,
            opened.known[each.environment.name],
            ending,
            health,
            telemetry,
            clock=clock,
            is_named=len(opened.environments) > 1,
            queue=app.queue,
        )
        for each in opened.environments
    ]
    bell.on_ring(*(each.wake for each in works))
    log.info("service_started", streams=opened.streams)
    try:
        await supervise(
            ending,
            any_of(app.stopping, ending),
            watch_database(app.database, opened.incarnation, ending, health, look_every=look_every),
            *(each.run(watch_every) for each in works),
            calls.take(opened.environments, ending),
            finish_reprojection(app.reprojection, ending, health),
            listen(app.database, ending, bell.ring),
            deliver_changes(app, feed_watch, ending, health),
            drop_regularly(app, ending, health),
            announce(app, SERVICE, ending),
            send_alerts(app, ending, health, uniform=random.random),
        )
    except Exception as error:
        if not isinstance(error, SyncerError):
            # Tables that are just being restored look like a fault of ours.
            await check_database(app.database, opened.incarnation)
        raise
