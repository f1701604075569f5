"""Work of the service on one environment: schedule, workers and watchers of its own.

Nothing is shared with other environments but the database: none waits for the limit, the key or the runs of
another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import structlog
from msgspec.structs import replace

from syncer.daemon.budget_watch import watch_budget
from syncer.daemon.database_health import DatabaseHealth
from syncer.daemon.integration_events import IntegrationEvents
from syncer.daemon.integration_watcher import IntegrationWatcher
from syncer.daemon.key_health import KeyHealth, KeyWatcher
from syncer.daemon.pressure import LoadMonitor
from syncer.daemon.schedule import MAKE_UP_EVERY, Schedule
from syncer.daemon.supervisor import supervise
from syncer.daemon.telemetry import Telemetry
from syncer.daemon.verification import Verifier
from syncer.daemon.workers import Workers
from syncer.environments.environment import Opened
from syncer.store.db.database import Database

if TYPE_CHECKING:
    from syncer.daemon.dispatcher import Dispatcher


class EnvironmentWork:
    """Everything that keeps the streams of one environment current, until ending is set.

    known: the lists that are mirrored, by integration. is_named: the log names the environment, since there
    are others. queue: where workers take their streams from; None: runs are this process's own.
    """

    def __init__(
        self,
        opened: Opened,
        known: Mapping[str, Collection[str]],
        ending: asyncio.Event,
        database_health: DatabaseHealth,
        telemetry: Telemetry,
        *,
        clock: Callable[[], datetime],
        is_named: bool,
        queue: Database | None = None,
    ) -> None:
        environment = opened.environment
        settings = environment.settings
        report = telemetry.observe(environment.name, opened.context.report)
        context = replace(opened.context, stopping=ending.is_set, report=report)
        health, key_health = database_health.within(environment.name), KeyHealth()
        self._name = environment.name if is_named else None
        self._environment, self._budget_history = environment, telemetry.budgets[environment.name]
        self._ending = ending
        self._workers: Workers | Dispatcher
        if queue is None:
            self._workers = Workers(
                context,
                opened.integrations,
                settings.sync.concurrency,
                ending,
                database_health=health,
                key_health=key_health,
                on_run=partial(telemetry.counters.count_run, environment.name),
            )
        else:
            # Only where it is set: its library is an extra.
            from syncer.daemon.dispatcher import Dispatcher

            self._workers = Dispatcher(context, queue, ending, database_health=health, key_health=key_health)
        self._schedule = Schedule(
            environment.database,
            environment.streams,
            {name: settings.timing(name).every for name in settings.lists},
            clock=clock,
            wake=self._workers.wake,
            shared_clock=environment.database.now,
            monitor=LoadMonitor(environment.capacity, environment.database),
            database_health=health,
            on_tick=telemetry.activity.ticked,
        )
        self._watcher = IntegrationWatcher(
            environment, context, opened.integrations, self._schedule, known, health, key_health
        )
        self._key_watcher = KeyWatcher(environment, context, key_health, health, clock=clock)
        self._verifier = Verifier(
            replace(context, report=lambda _: None), settings.verify.every, ending, health, key_health
        )
        self._events = IntegrationEvents(
            environment, context, opened.integrations, self._watcher, self._workers.wake, health, key_health
        )

    def wake(self) -> None:
        """Look for what has become due, and for events."""
        self._workers.wake()
        self._events.wake()

    async def run(self, watch_every: float) -> None:
        """Work until ending is set; integrations and a refused key are looked at every so many seconds."""
        if self._name is not None:
            # For this task and those that it begins.
            structlog.contextvars.bind_contextvars(environment=self._name)
        await supervise(
            self._ending,
            self._schedule.run(
                self._ending,
                integrations=(watch_every, self._watcher.update),
                missed_integrations=(MAKE_UP_EVERY, self._watcher.retry),
            ),
            self._workers.run(),
            self._key_watcher.watch(self._ending, watch_every),
            self._events.run(self._ending),
            self._verifier.run(),
            watch_budget(self._environment, self._budget_history, self._ending),
        )
