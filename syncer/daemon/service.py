"""The service from start to shutdown: migrate, schedule, work, serve pages."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from sqlalchemy.exc import DBAPIError

from syncer.app import App
from syncer.daemon.alerts import send_alerts
from syncer.daemon.bell import Bell
from syncer.daemon.database_health import DatabaseHealth
from syncer.daemon.database_watch import LOOK_EVERY, check_database, watch_database
from syncer.daemon.deliveries.deliver import deliver_changes
from syncer.daemon.due_listener import listen
from syncer.daemon.environment_work import EnvironmentWork
from syncer.daemon.feed_watch import FeedWatch
from syncer.daemon.presence import announce
from syncer.daemon.reprojection import finish_reprojection
from syncer.daemon.retention import drop_regularly
from syncer.daemon.shutdown import stop_on_signals
from syncer.daemon.supervisor import supervise
from syncer.daemon.telemetry import Telemetry
from syncer.daemon.waiting import any_of
from syncer.daemon.web.server import listening, log_address, serving_pages
from syncer.domain.errors import DatabaseError, DatabaseReplaced, DatabaseUnavailable, SyncerError
from syncer.domain.incarnation import Incarnation
from syncer.domain.texts.exceptions import describe_exception
from syncer.environments.environment import Opened
from syncer.operations.exposures import find_exposures
from syncer.store.schema import migrate as schema
from syncer.store.state.incarnation import read_incarnation
from syncer.sync.context import Report

log = structlog.get_logger("syncer")

#: Seconds between two updates of the integrations.
WATCH_EVERY = 60.0


@dataclass(frozen=True, slots=True)
class OpenedMirror:
    """Everything that the service works with on one database.

    known: the lists that are mirrored, by environment and integration.
    """

    environments: list[Opened]
    known: Mapping[str, Mapping[str, Collection[str]]]
    incarnation: Incarnation

    @property
    def streams(self) -> int:
        """Count the mirrored streams."""
        return sum(len(names) for each in self.known.values() for names in each.values())


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
    health, bell, telemetry = DatabaseHealth(), Bell(), Telemetry()
    telemetry.count_requests(app)
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
            for exposure in await find_exposures(app):
                log.warning("exposure_found", subject=exposure.subject, reason=exposure.reason)

            async def work() -> None:
                opened: OpenedMirror | None = first
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


async def _open(app: App, stack: AsyncExitStack, report: Report, *, may_create: bool) -> OpenedMirror:
    """Open everything that the service works with. Raises DatabaseError, UsageError."""
    await app.prepare(may_create=may_create)
    environments = await stack.enter_async_context(app.open(app.environments, report))
    known = {name: await app.database.ask(each.streams.lists) for name, each in app.environments.items()}
    incarnation = await asyncio.to_thread(read_incarnation, app.database)
    return OpenedMirror(environments, known, incarnation)


async def _reopen(
    app: App, stack: AsyncExitStack, report: Report, health: DatabaseHealth, look_every: float
) -> OpenedMirror | None:
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
    opened: OpenedMirror,
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
    works = [
        EnvironmentWork(
            each,
            opened.known[each.environment.name],
            ending,
            health,
            telemetry,
            clock=clock,
            is_named=len(opened.environments) > 1,
        )
        for each in opened.environments
    ]
    bell.on_ring(*(each.wake for each in works))
    log.info(
        "service_started",
        streams=sum(len(names) for each in opened.known.values() for names in each.values()),
    )
    try:
        await supervise(
            ending,
            any_of(app.stopping, ending),
            watch_database(app.database, opened.incarnation, ending, health, look_every=look_every),
            *(each.run(watch_every) for each in works),
            finish_reprojection(app.reprojection, ending, health),
            listen(app.database, ending, bell.ring),
            deliver_changes(app, feed_watch, ending, health),
            drop_regularly(app, ending, health),
            announce(app, "service", ending),
            send_alerts(app, ending, health, uniform=random.random),
        )
    except Exception as error:
        if not isinstance(error, SyncerError):
            # Tables that are just being restored look like a fault of ours.
            await check_database(app.database, opened.incarnation)
        raise
