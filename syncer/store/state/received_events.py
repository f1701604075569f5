"""Events as they have been received: stored at once, and their effects noted when these have been found."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from sqlalchemy import BindParameter, ColumnElement, Connection, Insert, Text, bindparam, select, update
from sqlalchemy.dialects import sqlite

from syncer.domain.environments import DEFAULT_ENVIRONMENT
from syncer.domain.webhooks.effects import Effect
from syncer.domain.webhooks.event import Event, EventType, Ignored
from syncer.store.db.bulk import insert_statement
from syncer.store.db.clock import server_time
from syncer.store.db.in_values import in_values
from syncer.store.db.types import decoded_json
from syncer.store.schema.webhook_tables import webhook_events

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

    from syncer.store.db.loop_connection import LoopConnection, LoopStatement

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
        known, new = self._known(connection, events), set[str]()
        for is_ignored, rows in self._rows(events, copies, known):
            statement = _insert(insert_statement(connection, webhook_events), moment, is_ignored=is_ignored)
            found = connection.execute(statement, rows)
            # SQLite's RETURNING is younger than versions that are about.
            new |= _new(found, copies) if found.returns_rows else {row["id"] for row in rows}
        self._count_repeats(connection, {each: copies[each] for each in known})
        return new

    async def add_in_loop(
        self,
        connection: LoopConnection,
        events: Mapping[str, tuple[Event, Ignored | None]],
        copies: Mapping[str, int],
        clock_offset: timedelta,
    ) -> set[str]:
        """Do the same on PostgreSQL and without a thread, by its clock moved by the offset."""
        new = set[str]()
        for is_ignored, rows in self._rows(events, copies):
            statement = _loop_insert(clock_offset, is_ignored=is_ignored)
            new |= _new(await connection.execute_each(statement, rows), copies)
        return new

    def _rows(
        self,
        events: Mapping[str, tuple[Event, Ignored | None]],
        copies: Mapping[str, int],
        known: Collection[str] = (),
    ) -> Iterator[tuple[bool, list[dict[str, Any]]]]:
        """Make the rows of events that are not known, those apart that are ignored."""
        rows: dict[bool, list[dict[str, Any]]] = {False: [], True: []}
        # In one order for all: whoever stores the same ones waits for them one after the other.
        for event_id, (event, ignored) in sorted(events.items()):
            if event_id not in known:
                row = self._row(event_id, event, ignored)
                rows[ignored is not None].append({**row, "repeats": copies[event_id] - 1})
        return ((is_ignored, found) for is_ignored, found in rows.items() if found)

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


def _insert(
    insert: sqlite.Insert | postgresql.Insert, moment: ColumnElement[datetime], *, is_ignored: bool
) -> Insert:
    """Make the statement that inserts an event.

    On PostgreSQL it counts one that is there instead, and gives its id and how often it has come again.
    """
    times = {"arrived_at": moment, "handled_at": moment} if is_ignored else {"arrived_at": moment}
    statement = insert.values(times)
    if isinstance(statement, sqlite.Insert):
        return statement
    more = webhook_events.c.repeats + statement.excluded.repeats + 1
    return statement.on_conflict_do_update(
        index_elements=webhook_events.primary_key.columns, set_={"repeats": more}
    ).returning(webhook_events.c.id, webhook_events.c.repeats)


@cache
def _loop_insert(clock_offset: timedelta, *, is_ignored: bool) -> LoopStatement:
    # Not read where the database is SQLite.
    from sqlalchemy.dialects import postgresql

    from syncer.store.db.loop_connection import LoopStatement

    insert = _insert(postgresql.insert(webhook_events), server_time(clock_offset), is_ignored=is_ignored)
    return LoopStatement(insert, ReceivedEvents()._row("", Event(), None).keys() | {"repeats"})


def _new(found: Iterable[Any], copies: Mapping[str, int]) -> set[str]:
    """Give the ids of the events that had not come before."""
    return {event_id for event_id, repeats in found if repeats < copies[event_id]}


def _names(models: Any) -> tuple[str, ...] | None:
    names = decoded_json(models)
    return None if names is None else tuple(names)
