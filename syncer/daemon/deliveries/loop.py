"""Loop of one delivery: wait for changes, post them, acknowledge what the receiver has accepted.

The lease sees to it that one process at a time sends, and the kept message that each attempt is the same: who
dies between the post and its acknowledgement has it sent again with the same id.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from msgspec import Struct
from sqlalchemy import Connection

from syncer.daemon.database_health import DATABASE_PAUSE, DatabaseHealth
from syncer.daemon.deliveries.outgoing import MOST_CHANGES, Outgoing, read_outgoing
from syncer.daemon.posting import LEASE, Receiver, post_until_stopped
from syncer.daemon.waiting import any_of
from syncer.domain.deliveries.attempts import Accepted, Answer, Retry, Split, Stop, next_step
from syncer.domain.deliveries.delivery import Delivery, DeliveryState
from syncer.domain.deliveries.message import Message, sign
from syncer.domain.errors import DatabaseError
from syncer.process.log import Logger
from syncer.store.db.database import Database
from syncer.store.reading.changes import feed_state
from syncer.store.state.consumers import acknowledge, advance_consumer, read_consumer
from syncer.store.state.deliveries import (
    add_delivery,
    claim_delivery,
    drop_message,
    free_delivery,
    has_lease,
    note_failure,
    note_success,
)

log = Logger()

#: Seconds between two looks where nothing wakes us: at what a command has paused, resumed or moved, and for a
#: process that has died while it was sending.
POLL_EVERY = 2.0


class FeedNews(Protocol):
    """Source of news about the feed."""

    async def wait_beyond(self, sequence: int) -> None:
        """Wait until the feed has a change behind a number."""
        ...


class Surroundings(Struct, frozen=True):
    """Surroundings that all loops of a process have in common.

    owner: name of this process; is_dead: tells whether one of that name has ended; uniform: chance.
    """

    database: Database
    news: FeedNews
    health: DatabaseHealth
    owner: str
    is_dead: Callable[[str], bool]
    new_id: Callable[[], str]
    uniform: Callable[[], float]


class DeliveryLoop:
    """Loop of one delivery."""

    def __init__(self, delivery: Delivery, receiver: Receiver, around: Surroundings) -> None:
        self._delivery = delivery
        self._receiver = receiver
        self._around = around
        self._database = around.database
        self._part = ("delivery", delivery.name)
        #: Halved by a receiver for which a message was too large.
        self._most = MOST_CHANGES

    async def run(self, stopping: asyncio.Event) -> None:
        """Deliver until stopping is set."""
        while not stopping.is_set():
            try:
                beyond, pause = await self._step(stopping)
            except DatabaseError as error:
                self._around.health.report_failure(self._part, error)
                await any_of(stopping, seconds=DATABASE_PAUSE)
                continue
            self._around.health.report_success(self._part)
            if beyond is not None:
                await self._wait_beyond(beyond, stopping)
            elif pause:
                await any_of(stopping, seconds=min(pause, POLL_EVERY))

    async def _wait_beyond(self, sequence: int, stopping: asyncio.Event) -> None:
        """Wait for a change behind a number, until the next look."""
        waits = [
            asyncio.create_task(self._around.news.wait_beyond(sequence)),
            asyncio.create_task(stopping.wait()),
        ]
        try:
            await asyncio.wait(waits, timeout=POLL_EVERY, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _step(self, stopping: asyncio.Event) -> tuple[int | None, float]:
        """Send one message, if there is one to be sent; give what to wait for.

        A number of the feed, or seconds; neither where the next step follows at once.
        """
        around = self._around
        now, outgoing = await self._database.ask(self._read)
        if outgoing is None:
            await self._database.write(self._begin)
            return None, 0.0
        row = outgoing.row
        if row.state is not DeliveryState.ACTIVE or not row.is_free(around.owner, now, LEASE, around.is_dead):
            return None, POLL_EVERY
        attempt_at = row.attempt_at(now)
        if attempt_at is not None:
            return None, max((attempt_at - now).total_seconds(), 0.01)
        if outgoing.message is None:
            if outgoing.until == outgoing.after:
                return outgoing.after, 0.0
            await self._database.write(lambda connection: self._advance(connection, outgoing, now))
            return None, 0.0
        if not await self._database.write(lambda connection: self._claim(connection, outgoing, now)):
            # Somebody was quicker, or has paused it.
            return None, POLL_EVERY
        answer = await self._post(outgoing.message, now, stopping)
        if answer is None:
            await self._database.write(lambda each: free_delivery(each, row.name, around.owner))
        else:
            await self._settle(outgoing, answer)
        return None, 0.0

    def _read(self, connection: Connection) -> tuple[datetime, Outgoing | None]:
        now = self._database.now(connection)
        nonce = self._around.new_id()
        return now, read_outgoing(connection, self._delivery, now=now, nonce=nonce, most=self._most)

    def _begin(self, connection: Connection) -> None:
        """Begin with what changes from now on; a delivery that was there before goes on where it was."""
        name, now = self._delivery.name, self._database.now(connection)
        add_delivery(connection, name, now)
        if read_consumer(connection, name) is None:
            newest = feed_state(connection).newest
            acknowledge(connection, name, newest, now)
            log.info("delivery_began", delivery=name, sequence=newest)

    def _advance(self, connection: Connection, outgoing: Outgoing, now: datetime) -> None:
        name = self._delivery.name
        advance_consumer(connection, name, outgoing.until, now, from_sequence=outgoing.after)

    def _claim(self, connection: Connection, outgoing: Outgoing, now: datetime) -> bool:
        return claim_delivery(
            connection,
            outgoing.row,
            outgoing.pending,
            owner=self._around.owner,
            now=now,
            length=LEASE,
            is_dead=self._around.is_dead,
        )

    async def _post(self, message: Message, now: datetime, stopping: asyncio.Event) -> Answer | None:
        """Post a message; None where the service stops and the receiver takes its time.

        now: by the database's clock. Receivers refuse what a clock that is minutes off has signed.
        """
        headers = sign(message, self._delivery.secret, now)
        return await post_until_stopped(self._receiver, message.body, headers, stopping)

    async def _settle(self, outgoing: Outgoing, answer: Answer) -> None:
        """Store what has come of an attempt, and log what begins or ends with it."""
        row, name = outgoing.row, self._delivery.name
        following = next_step(
            answer, failures=row.failures, changes=outgoing.changes, uniform=self._around.uniform()
        )

        def store(connection: Connection) -> datetime | None:
            if not has_lease(connection, name, self._around.owner):
                return None
            now = self._database.now(connection)
            status = answer.status
            match following:
                case Accepted():
                    self._advance(connection, outgoing, now)
                    note_success(connection, name, status, now)
                case Retry(pause, error):
                    note_failure(connection, row, status=status, error=error, now=now, pause=pause)
                case Stop(error):
                    note_failure(connection, row, status=status, error=error, now=now, pause=None)
                case Split():
                    drop_message(connection, name)
            return now

        now = await self._database.write(store)
        if now is None:
            log.warning("delivery_taken_over", delivery=name)
            return
        match following:
            case Accepted():
                if outgoing.lost is not None:
                    log.warning("delivery_lost_changes", delivery=name, **outgoing.lost.value())
                if row.failing_since is not None:
                    seconds = round((now - row.failing_since).total_seconds())
                    log.info("delivery_recovered", delivery=name, failures=row.failures, seconds=seconds)
            case Retry(_, error):
                if not row.failures:
                    log.warning("delivery_failing", delivery=name, receiver=self._delivery.host, error=error)
            case Stop(error):
                log.error("delivery_stopped", delivery=name, receiver=self._delivery.host, error=error)
            case Split():
                self._most = max(outgoing.changes // 2, 1)
