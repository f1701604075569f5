"""Events that webhooks told of: stored, answered by runs, and forgotten after a week."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Text,
    bindparam,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from syncer.domain.environments import DEFAULT_ENVIRONMENT
from syncer.domain.stream_key import StreamKey
from syncer.domain.webhooks.effects import Action, Effect, lists_of, told_lists, unknown_models
from syncer.domain.webhooks.event import Event, EventType, Ignored
from syncer.store.db.bulk import insert_statement
from syncer.store.db.in_values import in_values
from syncer.store.db.types import decoded_json
from syncer.store.schema.state_tables import streams
from syncer.store.schema.webhook_tables import unknown_models as unknown
from syncer.store.schema.webhook_tables import webhook_events

#: Retention of events: so long a repeated one is known as such.
KEEP_EVENTS = timedelta(days=7)
#: Events that one transaction deletes, at most: others wait for it.
FORGET_AT_ONCE = 2_000
#: Events whose effects one transaction finds, at most.
APPLY_AT_ONCE = 500
#: Names that nobody knows which are kept: Kombo has some dozens of models.
MOST_UNKNOWN = 500

#: Action of an event that has been stored, and whose effect is still to be found.
APPLY = "apply"
ACCEPTED, IGNORED, REPEATED = "accepted", "ignored", "repeated"


@dataclass(frozen=True, slots=True)
class PendingAction:
    """Event that something is to be done for about its integration."""

    event_id: str
    action: Action
    integration_id: str
    arrived_at: datetime


@dataclass(frozen=True, slots=True)
class UnappliedEvent:
    """Event that is stored, and whose effect has not been found yet."""

    id: str
    event: Event
    arrived_at: datetime


@dataclass(frozen=True, slots=True)
class WebhookCounts:
    """Events of the last day by outcome, with those that came again, and the latest arrival of all."""

    outcomes: Mapping[str, int]
    last_arrived_at: datetime | None


@dataclass(frozen=True, slots=True)
class WebhookEventStore:
    """Events of one environment."""

    environment: str = DEFAULT_ENVIRONMENT

    def add(
        self,
        connection: Connection,
        events: Mapping[str, tuple[Event, Ignored | None]],
        copies: Mapping[str, int],
        moment: ColumnElement[datetime],
    ) -> set[str]:
        """Store events by id, or count them where they have come before; give those that have not.

        Each comes with the reason why it is ignored; of others the effect is found by ``settle``. copies: how
        often each has come now. moment: the time by the database's clock.
        """
        known = self._known(connection, events)
        rows: dict[bool, list[dict[str, Any]]] = {True: [], False: []}
        # In one order for all: whoever stores the same ones waits for them one after the other.
        for event_id, (event, ignored) in sorted(events.items()):
            if event_id not in known:
                row = self._row(event_id, event, ignored)
                rows[ignored is not None].append({**row, "repeats": copies[event_id] - 1})
        new = self._insert(connection, rows[False], copies, {"arrived_at": moment})
        new |= self._insert(connection, rows[True], copies, {"arrived_at": moment, "handled_at": moment})
        self._count_repeats(connection, {each: copies[each] for each in known})
        return new

    def _known(self, connection: Connection, event_ids: Collection[str]) -> set[str]:
        """Find the events that have come before, on SQLite; PostgreSQL finds them as it stores the others."""
        if connection.dialect.name != "sqlite":
            return set()
        events = webhook_events.c
        found = connection.execute(
            select(events.id).where(
                events.environment == self.environment, in_values(connection, events.id, event_ids)
            )
        )
        return set(found.scalars())

    def _insert(
        self,
        connection: Connection,
        rows: Sequence[Mapping[str, Any]],
        copies: Mapping[str, int],
        times: Mapping[str, ColumnElement[datetime]],
    ) -> set[str]:
        """Insert rows, or count those that are there; give the ids of the others."""
        if not rows:
            return set()
        if connection.dialect.name == "sqlite":
            # Its RETURNING is younger than versions that are about.
            connection.execute(sqlite.insert(webhook_events).values(times), rows)
            return {row["id"] for row in rows}
        statement = postgresql.insert(webhook_events).values(times)
        more = webhook_events.c.repeats + statement.excluded.repeats + 1
        found = connection.execute(
            statement.on_conflict_do_update(
                index_elements=webhook_events.primary_key.columns, set_={"repeats": more}
            ).returning(webhook_events.c.id, webhook_events.c.repeats),
            rows,
        )
        return {row.id for row in found if row.repeats < copies[row.id]}

    def _count_repeats(self, connection: Connection, repeats: Mapping[str, int]) -> None:
        """Count how often events have come again, by id."""
        if repeats:
            statement = (
                update(webhook_events)
                .where(*self._is_named)
                .values(repeats=webhook_events.c.repeats + bindparam("more"))
            )
            connection.execute(
                statement, [{"event": event_id, "more": count} for event_id, count in repeats.items()]
            )

    def _row(self, event_id: str, event: Event, ignored: Ignored | None) -> dict[str, Any]:
        return {
            "environment": self.environment,
            "id": event_id,
            "type": event.type,
            "integration_id": event.integration_id if ignored is None else event.shown_integration_id,
            "models": None if event.models is None or ignored is not None else json.dumps(event.models),
            "outcome": ACCEPTED if ignored is None else IGNORED,
            "note": ignored,
            "action": APPLY if ignored is None else None,
        }

    def unapplied(self, connection: Connection) -> list[UnappliedEvent]:
        """Read the events whose effect has not been found yet, by arrival: so many at a time."""
        events = webhook_events.c
        found = connection.execute(
            select(events.id, events.type, events.integration_id, events.models, events.arrived_at)
            .where(*self._is_unapplied)
            .order_by(events.arrived_at)
            .limit(APPLY_AT_ONCE)
        )
        return [
            UnappliedEvent(
                row.id,
                Event(row.id, EventType(row.type), None, row.integration_id, _names(row.models)),
                row.arrived_at,
            )
            for row in found
        ]

    def still_unapplied(self, connection: Connection, event_ids: Collection[str]) -> set[str]:
        """Find those of the events whose effect has not been found meanwhile."""
        found = connection.execute(
            select(webhook_events.c.id).where(
                *self._is_unapplied, in_values(connection, webhook_events.c.id, event_ids)
            )
        )
        return set(found.scalars())

    def has_unapplied(self, connection: Connection, before: ColumnElement[datetime]) -> bool:
        """Tell whether there is an event that arrived before that time, and has had no effect yet."""
        arrived_before = webhook_events.c.arrived_at < before
        one = select(webhook_events.c.id).where(*self._is_unapplied, arrived_before).limit(1)
        return connection.execute(one).first() is not None

    def settle(
        self, connection: Connection, effects: Mapping[str, tuple[Event, Effect]], now: datetime
    ) -> None:
        """Note the effects of events that had none yet, by id."""
        if not effects:
            return
        statement = (
            update(webhook_events)
            .where(*self._is_named, webhook_events.c.action == APPLY)
            .values(
                {
                    name: bindparam(f"new_{name}", type_=webhook_events.c[name].type)
                    for name in ("integration_id", "models", "outcome", "note", "action", "handled_at")
                }
            )
        )
        rows = []
        for event_id, (event, effect) in effects.items():
            row = self._row(event_id, event, effect.ignored)
            row |= {"action": effect.action, "handled_at": None if effect.ignored is None else now}
            rows.append({"event": event_id, **{f"new_{name}": value for name, value in row.items()}})
        connection.execute(statement, rows)

    def note_unknown_models(self, connection: Connection, names: Collection[str], now: datetime) -> None:
        """Remember names that the catalogue does not know."""
        if not names or self._count_unknown(connection) >= MOST_UNKNOWN:
            return
        statement = insert_statement(connection, unknown)
        times = {"first_told_at": now, "last_told_at": now}
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=unknown.primary_key.columns,
                set_={"last_told_at": statement.excluded.last_told_at},
            ),
            [{"environment": self.environment, "name": name, **times} for name in sorted(names)],
        )

    def unknown_models(self, connection: Connection) -> list[str]:
        """Read the names that webhooks gave and this version does not know."""
        found = connection.execute(
            select(unknown.c.name).where(unknown.c.environment == self.environment).order_by(unknown.c.name)
        ).scalars()
        return list(unknown_models(found))

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
            told = told_lists(lists, mirrored)
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
            yield row.id, lists_of(EventType(row.type), decoded_json(row.models)), row.arrived_at

    def _count_unknown(self, connection: Connection) -> int:
        return connection.execute(select(func.count()).select_from(unknown)).scalar_one()

    def _is(self, event_id: str | BindParameter[str]) -> Sequence[Any]:
        return (webhook_events.c.environment == self.environment, webhook_events.c.id == event_id)

    @property
    def _is_named(self) -> Sequence[Any]:
        return self._is(bindparam("event", type_=Text))

    @property
    def _is_unapplied(self) -> Sequence[Any]:
        events = webhook_events.c
        # Where an action is, as the index says.
        return (
            events.environment == self.environment,
            events.action.is_not(None),
            events.action == APPLY,
        )


def _names(models: Any) -> tuple[str, ...] | None:
    names = decoded_json(models)
    return None if names is None else tuple(names)
