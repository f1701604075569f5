"""The service from start to shutdown: migrate, schedule, work, serve pages."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

import structlog
from sqlalchemy.exc import DBAPIError

from syncer.app import App
from syncer.daemon.alerts import send_alerts
from syncer.daemon.bell import Bell
from syncer.daemon.database_health import DatabaseHealth
from syncer.daemon.database_watch import LOOK_EVERY, check_database, watch_database
from syncer.daemon.deliveries.deliver import deliver_changes
from syncer.daemon.due_listener import listen
from syncer.daemon.feed_watch import FeedWatch
from syncer.daemon.integration_events import IntegrationEvents
from syncer.daemon.integration_watcher import IntegrationWatcher
from syncer.daemon.key_health import KeyHealth, KeyWatcher
from syncer.daemon.pressure import LoadMonitor
from syncer.daemon.reprojection import finish_reprojection
from syncer.daemon.retention import drop_regularly
from syncer.daemon.schedule import MAKE_UP_EVERY, Schedule
from syncer.daemon.shutdown import stop_on_signals
from syncer.daemon.supervisor import supervise
from syncer.daemon.telemetry import Telemetry
from syncer.daemon.waiting import any_of
from syncer.daemon.web.server import listening, log_address, serving_pages
from syncer.daemon.workers import Workers
from syncer.domain.errors import DatabaseError, DatabaseReplaced, DatabaseUnavailable, SyncerError
from syncer.domain.incarnation import Incarnation
from syncer.domain.stream_key import StreamKey
from syncer.domain.texts.exceptions import describe_exception
from syncer.operations.exposures import find_exposures
from syncer.store.schema import migrate as schema
from syncer.store.state.incarnation import read_incarnation
from syncer.sync.context import Report, SyncContext
from syncer.sync.integrations import Integrations

log = structlog.get_logger("syncer")

#: Seconds between two updates of the integrations.
WATCH_EVERY = 60.0


@dataclass(frozen=True, slots=True)
class Opened:
    """Everything that the service works with on one database. known: the streams that are mirrored."""

    context: SyncContext
    integrations: Integrations
    known: Collection[StreamKey]
    incarnation: Incarnation


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
    app.settings.api_key()
    health, bell, telemetry = DatabaseHealth(), Bell(), Telemetry()
    report = telemetry.observe(app, report)
    feed_watch = FeedWatch(app.database, listens=app.settings.changes.notify)
    with listening(app.settings.web) as listener:
        async with AsyncExitStack() as stack:
            if listener is not None:
                # From the beginning: a migration may take long, and whoever asks meanwhile is told so.
                await stack.enter_async_context(
                    serving_pages(app, listener, health, bell, feed_watch, telemetry)
                )
            opened_stack = await stack.enter_async_context(AsyncExitStack())
            first = await _open(app, opened_stack, report, may_create=True)
            if app.stopping.is_set():
                # A request begun and given up at once would keep the next process waiting for its answer.
                log.info("service_stopped")
                return
            if listener is not None:
                log_address(listener)
            for each in await find_exposures(app):
                log.warning("exposure_found", subject=each.subject, reason=each.reason)

            async def work() -> None:
                opened: Opened | None = first
                while opened is not None:
                    try:
                        await _work(
                            *(app, opened, health, bell, feed_watch, telemetry),
                            *(clock, watch_every, look_every),
                        )
                        return
                    except DatabaseReplaced as error:
                        log.warning("database_replaced")
                        health.report_failure("replaced", error)
                    # Nothing that this process remembers is true of the other one.
                    await opened_stack.aclose()
                    opened = await _reopen(app, opened_stack, report, health, look_every)

            try:
                await supervise(app.stopping, work(), feed_watch.run(app.stopping))
            except Exception as error:
                log.error(
                    "service_failed",
                    error=describe_exception(error),
                    exc_info=not isinstance(error, SyncerError),
                )
                raise
    log.info("service_stopped")


async def _open(app: App, stack: AsyncExitStack, report: Report, *, may_create: bool) -> Opened:
    """Open everything that the service works with. Raises DatabaseError, UsageError."""
    context, integrations = await stack.enter_async_context(app.ready(report, may_create=may_create))
    known = await app.database.ask(app.streams.keys)
    return Opened(context, integrations, known, await asyncio.to_thread(read_incarnation, app.database))


async def _reopen(
    app: App, stack: AsyncExitStack, report: Report, health: DatabaseHealth, look_every: float
) -> Opened | None:
    """Wait until there is a mirror in the database's place, and open it; None: the service is to stop."""
    while not app.stopping.is_set():
        try:
            app.database.reopen()
            # A file without tables is no backup: somebody has to look at it.
            await asyncio.to_thread(schema.must_hold_tables, app.database)
            opened = await _open(app, stack, report, may_create=False)
        except (DatabaseError, DBAPIError) as error:
            if isinstance(error, DBAPIError):
                error = DatabaseUnavailable(f"The database {app.database.shown_url} is not whole (yet).")
            health.report_failure("replaced", error)
            await stack.aclose()
            await any_of(app.stopping, seconds=look_every)
        else:
            health.begin_anew()
            return opened
    return None


async def _work(
    app: App,
    opened: Opened,
    health: DatabaseHealth,
    bell: Bell,
    feed_watch: FeedWatch,
    telemetry: Telemetry,
    clock: Callable[[], datetime],
    watch_every: float,
    look_every: float,
) -> None:
    """Keep the mirror up to date until ``app.stopping``. Raises DatabaseReplaced."""
    ending = asyncio.Event()
    context, integrations = replace(opened.context, stopping=ending.is_set), opened.integrations
    key_health = KeyHealth()
    workers = Workers(
        context,
        integrations,
        app.settings.sync.concurrency,
        ending,
        database_health=health,
        key_health=key_health,
        on_run=partial(telemetry.counters.count_run, app.streams.environment),
    )
    schedule = Schedule(
        app.database,
        app.streams,
        {name: app.settings.timing(name).every for name in app.settings.lists},
        clock=clock,
        wake=workers.wake,
        monitor=LoadMonitor(app.capacity, app.database),
        database_health=health,
        on_tick=telemetry.activity.ticked,
    )
    watcher = IntegrationWatcher(app, context, integrations, schedule, opened.known, health, key_health)
    key_watcher = KeyWatcher(app, context, key_health, health, clock=clock)
    events = IntegrationEvents(app, context, integrations, watcher, workers.wake, health, key_health)
    bell.on_ring(workers.wake, events.wake)
    log.info("service_started", streams=len(opened.known))
    try:
        await supervise(
            ending,
            any_of(app.stopping, ending),
            watch_database(app.database, opened.incarnation, ending, health, look_every=look_every),
            schedule.run(
                ending,
                integrations=(watch_every, watcher.update),
                missed_integrations=(MAKE_UP_EVERY, watcher.retry),
            ),
            workers.run(),
            key_watcher.watch(ending, watch_every),
            finish_reprojection(app.reprojection, ending, health),
            events.run(ending),
            listen(app.database, ending, bell.ring),
            deliver_changes(app, feed_watch, ending, health, clock=clock),
            drop_regularly(app, ending, health),
            send_alerts(app, ending, health, uniform=random.random),
        )
    except Exception as error:
        if not isinstance(error, SyncerError):
            # Tables that are just being restored look like a fault of ours.
            await check_database(app.database, opened.incarnation)
        raise
