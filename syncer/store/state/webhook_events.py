"""Events that webhooks told of: stored, answered by runs, and forgotten after a week."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from msgspec import Struct
from sqlalchemy import (
    Connection,
    delete,
    func,
    or_,
    select,
    update,
)

from syncer.domain.stream_key import StreamKey
from syncer.domain.webhooks.effects import Action, lists_of, told_lists
from syncer.domain.webhooks.event import EventType
from syncer.store.db.in_values import in_values
from syncer.store.db.types import decoded_json
from syncer.store.schema.state_tables import streams
from syncer.store.schema.webhook_tables import webhook_events
from syncer.store.state.received_events import APPLY, REPEATED, ReceivedEvents

#: Retention of events: so long a repeated one is known as such.
KEEP_EVENTS = timedelta(days=7)
#: Events that one transaction deletes, at most: others wait for it.
FORGET_AT_ONCE = 2_000


class PendingAction(Struct, frozen=True):
    """Event that something is to be done for about its integration."""

    event_id: str
    action: Action
    integration_id: str
    arrived_at: datetime


class WebhookCounts(Struct, frozen=True):
    """Events of the last day by outcome, with those that came again, and the latest arrival of all."""

    outcomes: Mapping[str, int]
    last_arrived_at: datetime | None


class WebhookEventStore(ReceivedEvents, frozen=True):
    """Events of one environment. added: names of the lists that the configuration adds."""

    added: frozenset[str] = frozenset()

    def pending_actions(self, connection: Connection) -> list[PendingAction]:
        """Read what is to be done about integrations, by arrival."""
        events = webhook_events.c
        found = connection.execute(
            select(events.id, events.action, events.integration_id, events.arrived_at)
            .where(
                events.environment == self.environment,
                events.action.is_not(None),
                events.action != APPLY,
                events.handled_at.is_(None),
            )
            .order_by(events.arrived_at)
        )
        return [PendingAction(row[0], Action(row[1]), row[2], row[3]) for row in found]

    def end_action(self, connection: Connection, event_id: str, note: str, now: datetime) -> None:
        """Note what came of an event for its integration."""
        connection.execute(
            update(webhook_events).where(*self._is(event_id)).values(note=note, handled_at=now)
        )

    def answer(
        self,
        connection: Connection,
        key: StreamKey,
        told_at: datetime,
        read_from: datetime,
        now: datetime,
    ) -> tuple[datetime | None, int]:
        """Note that a run has read the stream's news; give the arrival of the first event that is left, and
        how many it has answered.

        told_at: the first event that was not answered before. read_from: the time from which on the run read
        the list anew, so that it has the news of all events before. Call it where the stream's row is locked.
        An event is handled once all its streams have been read.
        """
        open_since = self._open_since(connection, key)
        mirrored, handled, left, answered = open_since.keys() | {key.model}, list[str](), None, 0
        for event_id, lists, arrived_at in self._open_events(connection, key.integration_id, told_at):
            told = told_lists(lists, mirrored, self.added)
            if key.model not in told:
                continue
            if arrived_at > read_from:
                left = left or arrived_at
                continue
            answered += 1
            waits = (open_since.get(name) for name in told if name != key.model)
            if not any(since is not None and since <= arrived_at for since in waits):
                handled.append(event_id)
        if handled:
            connection.execute(
                update(webhook_events)
                .where(
                    webhook_events.c.environment == self.environment,
                    in_values(connection, webhook_events.c.id, handled),
                )
                .values(handled_at=now)
            )
        return left, answered

    def counts(self, connection: Connection, now: datetime) -> WebhookCounts:
        """Count the events of the last day."""
        events = webhook_events.c
        since = now - timedelta(days=1)
        found = connection.execute(
            select(events.outcome, func.count(), func.sum(events.repeats))
            .where(events.environment == self.environment, events.arrived_at > since)
            .group_by(events.outcome)
        ).all()
        outcomes = {row[0]: row[1] for row in found}
        outcomes[REPEATED] = sum(int(row[2]) for row in found)
        last = connection.execute(
            select(events.arrived_at)
            .where(events.environment == self.environment)
            .order_by(events.arrived_at.desc())
            .limit(1)
        ).scalar_one_or_none()
        return WebhookCounts({name: count for name, count in outcomes.items() if count}, last)

    def forget_old(self, connection: Connection, now: datetime) -> int:
        """Delete some of the events that are older than their retention, if any are; give how many."""
        events = webhook_events.c
        # Misdated by a clock that was ahead, they would be the latest for as long as it was.
        is_old = or_(events.arrived_at < now - KEEP_EVENTS, events.arrived_at > now + KEEP_EVENTS)
        some = select(events.id).where(events.environment == self.environment, is_old).limit(FORGET_AT_ONCE)
        return connection.execute(
            delete(webhook_events).where(events.environment == self.environment, events.id.in_(some))
        ).rowcount

    def _open_since(self, connection: Connection, key: StreamKey) -> dict[str, datetime | None]:
        """Read since when each mirrored stream of the integration has news that no run has read."""
        found = connection.execute(
            select(streams.c.model, streams.c.told_at).where(
                streams.c.environment == self.environment,
                streams.c.integration_id == key.integration_id,
                streams.c.mirrored,
            )
        )
        return {row.model: row.told_at for row in found}

    def _open_events(
        self, connection: Connection, integration_id: str, since: datetime
    ) -> Iterator[tuple[str, frozenset[str] | None, datetime]]:
        """Read the events that are not handled, with the lists that each tells of, by arrival."""
        events = webhook_events.c
        found = connection.execute(
            select(events.id, events.type, events.models, events.arrived_at)
            .where(
                events.environment == self.environment,
                events.integration_id == integration_id,
                events.handled_at.is_(None),
                events.action.is_(None),
                events.arrived_at >= since,
            )
            .order_by(events.arrived_at)
        )
        for row in found.all():
            lists = lists_of(EventType(row.type), decoded_json(row.models), self.added)
            yield row.id, lists, row.arrived_at
