"""Alerts of the service: look for troubles, remember them, and tell the receiver what begins and is over.

Everything is in the database, so that a restart repeats nothing, and of several services one sends. Nothing
waits for the receiver: what it does not take stays to be told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct
from sqlalchemy import Connection

from syncer.app import App
from syncer.daemon.database_health import DATABASE_PAUSE, DatabaseHealth
from syncer.daemon.posting import LEASE, Receiver, post_until_stopped
from syncer.daemon.waiting import any_of
from syncer.domain.alerts.decisions import Decision, decide, find_untold, quiet_time
from syncer.domain.alerts.message import alert_message
from syncer.domain.alerts.settings import AlertSettings
from syncer.domain.alerts.trouble import Alert, AlertKey, Trouble
from syncer.domain.deliveries.attempts import Answer, describe_answer, pause_after
from syncer.domain.errors import DatabaseError
from syncer.operations.alerts import find_troubles
from syncer.process.identity import is_dead
from syncer.process.log import Logger
from syncer.store.db.database import Database
from syncer.store.state.alerts import (
    claim_alerts,
    free_alerts,
    lock_alerts,
    read_alerts,
    settle_alerts,
    store_decision,
)

log = Logger()

#: Seconds between two looks: not more, and not less where ``after`` is short.
LOOK_EVERY = 60.0
LEAST_PAUSE = 1.0


async def send_alerts(
    app: App, stopping: asyncio.Event, database_health: DatabaseHealth, *, uniform: Callable[[], float]
) -> None:
    """Send messages of alerts until stopping is set, if there is a receiver. uniform: chance.

    Raises UsageError.
    """
    settings = app.settings.alerts.settings()
    if settings is None:
        await any_of(stopping)
        return
    async with await app.receiver(settings.url) as receiver:
        loop = AlertLoop(
            app.database,
            settings,
            receiver,
            lambda connection: find_troubles(app, connection),
            owner=app.owner,
            is_dead=is_dead,
            uniform=uniform,
        )
        await loop.run(stopping, database_health)


class _Look(Struct, frozen=True):
    """Result of a look. outgoing: alerts to be told at once, by the lease; at: by the database's clock."""

    decision: Decision
    outgoing: Sequence[Alert]
    at: datetime


class AlertLoop:
    """Loop that looks for troubles and sends messages. find: reads the troubles that are there."""

    def __init__(
        self,
        database: Database,
        settings: AlertSettings,
        receiver: Receiver,
        find: Callable[[Connection], Mapping[AlertKey, Trouble]],
        *,
        owner: str,
        is_dead: Callable[[str], bool],
        uniform: Callable[[], float],
    ) -> None:
        self._database = database
        self._settings = settings
        self._receiver = receiver
        self._find = find
        self._owner = owner
        self._is_dead = is_dead
        self._uniform = uniform
        self._failures = 0
        self._next_attempt: datetime | None = None

    async def run(self, stopping: asyncio.Event, health: DatabaseHealth) -> None:
        """Look again and again until stopping is set."""
        every = max(LEAST_PAUSE, min(LOOK_EVERY, quiet_time(self._settings.after).total_seconds()))
        while not stopping.is_set():
            pause = every
            try:
                await self.look(stopping)
                health.report_success("alerts")
            except DatabaseError as error:
                health.report_failure("alerts", error)
                pause = min(DATABASE_PAUSE, every)
            await any_of(stopping, seconds=pause)

    async def look(self, stopping: asyncio.Event) -> None:
        """Look once: remember what has changed, and send one message if there is something to be told.

        Raises DatabaseError.
        """
        troubles, has_news = await self._database.ask(self._read)
        if not has_news:
            return
        found = await self._database.write(lambda connection: self._remember(connection, troubles))
        for each in found.decision.began:
            log.warning("alert_began", kind=each.key.kind, subject=each.key.subject)
        for each in found.decision.ended:
            log.info("alert_over", kind=each.key.kind, subject=each.key.subject)
        if found.outgoing:
            message = alert_message(found.outgoing, found.at, self._settings.form)
            headers = self._settings.headers(message)
            answer = await post_until_stopped(self._receiver, message.body, headers, stopping)
            await self._settle(found, answer)

    def _read(self, connection: Connection) -> tuple[Mapping[AlertKey, Trouble], bool]:
        """Read the troubles, and whether a look has to write: most find everything as it was."""
        now, alerts, troubles = (
            self._database.now(connection),
            read_alerts(connection),
            self._find(connection),
        )
        decision = decide(alerts, troubles, now, self._settings.after)
        has_changed = bool(decision.changed or decision.forgotten)
        return troubles, has_changed or bool(self._tellable(alerts.values(), now))

    def _remember(self, connection: Connection, troubles: Mapping[AlertKey, Trouble]) -> _Look:
        """Remember what has changed, and claim what is to be told now; nothing while others send."""
        lock_alerts(connection)
        now = self._database.now(connection)
        decision = decide(read_alerts(connection), troubles, now, self._settings.after)
        store_decision(connection, decision)
        untold = self._tellable(read_alerts(connection).values(), now)
        is_claimed = untold and claim_alerts(
            connection, untold, owner=self._owner, now=now, length=LEASE, is_dead=self._is_dead
        )
        return _Look(decision, untold if is_claimed else (), now)

    def _tellable(self, alerts: Iterable[Alert], now: datetime) -> Sequence[Alert]:
        if self._next_attempt is not None and now < self._next_attempt:
            return ()
        return find_untold(alerts, now, self._settings.after)

    async def _settle(self, found: _Look, answer: Answer | None) -> None:
        """Store what has come of an attempt; log the first that fails, and the first that does not."""
        is_accepted = answer is not None and answer.is_accepted

        def store(connection: Connection) -> datetime:
            now = self._database.now(connection)
            if is_accepted:
                settle_alerts(connection, found.outgoing, self._owner, now)
            else:
                free_alerts(connection, self._owner)
            return now

        now = await self._database.write(store)
        if answer is None:
            return
        if is_accepted:
            if self._failures:
                log.info("alerts_recovered", failures=self._failures)
            self._failures, self._next_attempt = 0, None
            return
        self._failures += 1
        self._next_attempt = now + pause_after(self._failures, self._uniform(), answer.retry_after)
        if self._failures == 1:
            log.warning("alerts_failing", receiver=self._settings.host, error=describe_answer(answer))
