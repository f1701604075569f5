"""The worker from start to shutdown: the runs of a mirror whose services leave them to workers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial

import structlog
from msgspec.structs import replace

from syncer.app import App
from syncer.config.workers import METRICS
from syncer.daemon.database_health import DatabaseHealth
from syncer.daemon.database_watch import LOOK_EVERY, watch_database
from syncer.daemon.key_health import KeyHealth, KeyWatcher
from syncer.daemon.opened_mirror import OpenedMirror, open_mirror, work_on_mirror
from syncer.daemon.presence import announce
from syncer.daemon.queue_worker import FETCH_EVERY, QueueWorker
from syncer.daemon.service import WATCH_EVERY
from syncer.daemon.shutdown import stop_on_signals
from syncer.daemon.supervisor import supervise
from syncer.daemon.telemetry import Telemetry
from syncer.daemon.waiting import any_of
from syncer.daemon.web.server import listening, log_metrics_address, serving_metrics
from syncer.domain.errors import SyncerError
from syncer.domain.texts.exceptions import describe_exception
from syncer.environments.environment import Opened
from syncer.process.log import Logger
from syncer.store.db.database import Database
from syncer.store.state.processes import WORKER
from syncer.sync.context import Report

log = Logger()


async def run_worker(
    app: App,
    environments: Sequence[str] = (),
    *,
    report: Report = lambda _: None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    handle_signals: bool = True,
    look_every: float = LOOK_EVERY,
    fetch_every: float = FETCH_EVERY,
) -> None:
    """Run what the queues give until SIGTERM, SIGINT or ``app.stopping``; environments: all without any.

    Then the pages under way are finished, and the jobs go back. Raises UsageError or DatabaseError where it
    cannot start; a refused key does not end it. The app has a queue.
    """
    queue = app.queue
    assert queue is not None
    if handle_signals:
        stop_on_signals(app.stopping)
    selected = app.select(environments)
    for each in selected.values():
        each.settings.api_key()
    health, telemetry = DatabaseHealth(), Telemetry()
    telemetry.count_requests(app)
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(listening(app.settings.workers.web(app.settings.web), METRICS))
        if listener is not None:
            await stack.enter_async_context(serving_metrics(app, listener, health, telemetry))
            log_metrics_address(listener)
        opened_stack = await stack.enter_async_context(AsyncExitStack())
        first = await open_mirror(app, opened_stack, report, selected, may_create=True)

        async def work(opened: OpenedMirror) -> None:
            await _work(app, opened, queue, health, telemetry, clock, look_every, fetch_every)

        try:
            if not app.stopping.is_set():
                await work_on_mirror(app, opened_stack, first, work, health, report, look_every)
        except Exception as error:
            log.error(
                "worker_failed",
                error=describe_exception(error),
                exc_info=not isinstance(error, SyncerError),
            )
            raise
    log.info("worker_stopped")


async def _work(
    app: App,
    opened: OpenedMirror,
    queue: Database,
    health: DatabaseHealth,
    telemetry: Telemetry,
    clock: Callable[[], datetime],
    look_every: float,
    fetch_every: float,
) -> None:
    """Work until ``app.stopping``. Raises DatabaseReplaced."""
    ending = asyncio.Event()
    environments = [each.environment.name for each in opened.environments]
    log.info("worker_started", environments=environments)
    await supervise(
        ending,
        any_of(app.stopping, ending),
        watch_database(app.database, opened.incarnation, ending, health, look_every=look_every),
        *(
            _work_on(each, queue, ending, health, telemetry, clock, fetch_every)
            for each in opened.environments
        ),
        announce(app, WORKER, ending),
    )


async def _work_on(
    opened: Opened,
    queue: Database,
    ending: asyncio.Event,
    database_health: DatabaseHealth,
    telemetry: Telemetry,
    clock: Callable[[], datetime],
    fetch_every: float,
) -> None:
    """Work on one environment: nothing is shared with others but the database."""
    environment, key_health = opened.environment, KeyHealth()
    structlog.contextvars.bind_contextvars(environment=environment.name)
    report = telemetry.observe(environment.name, opened.context.report)
    context = replace(opened.context, stopping=ending.is_set, report=report)
    health = database_health.within(environment.name)
    worker = QueueWorker(
        context,
        opened.integrations,
        environment.settings.sync.concurrency,
        ending,
        queue,
        database_health=health,
        key_health=key_health,
        fetch_every=fetch_every,
        on_run=partial(telemetry.counters.count_run, environment.name),
    )
    watcher = KeyWatcher(environment, context, key_health, health, clock=clock)
    await supervise(ending, worker.run(), watcher.watch(ending, WATCH_EVERY))
