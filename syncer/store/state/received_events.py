"""Events as they have been received: stored at once, and their effects noted when these have been found."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import BindParameter, ColumnElement, Connection, Text, bindparam, select, update

from syncer.domain.environments import DEFAULT_ENVIRONMENT
from syncer.domain.webhooks.effects import Effect
from syncer.domain.webhooks.event import Event, EventType, Ignored
from syncer.store.db.bulk import insert_statement
from syncer.store.db.in_values import in_values
from syncer.store.db.types import decoded_json
from syncer.store.schema.webhook_tables import webhook_events

#: Events whose effects one transaction finds, at most.
APPLY_AT_ONCE = 500
#: Action of an event that has been stored, and whose effect is still to be found.
APPLY = "apply"
ACCEPTED, IGNORED, REPEATED = "accepted", "ignored", "repeated"


class UnappliedEvent(Struct, frozen=True):
    """Event that is stored, and whose effect has not been found yet."""

    id: str
    event: Event
    arrived_at: datetime


class ReceivedEvents(Struct, frozen=True):
    """Events of one environment until their effects are known. Part of ``WebhookEventStore``."""

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
        statement = insert_statement(connection, webhook_events).values(times)
        if connection.dialect.name == "sqlite":
            # Its RETURNING is younger than versions that are about.
            connection.execute(statement, rows)
            return {row["id"] for row in rows}
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
