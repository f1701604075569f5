"""Consumers of the change feed: how far each has read, by its own word."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from sqlalchemy import Connection, delete, select, update

from syncer.store.db.bulk import insert_statement
from syncer.store.schema.feed_tables import consumers


class Consumer(Struct, frozen=True):
    """A consumer, the number up to which it has acknowledged the feed, and the time at which it did so."""

    name: str
    sequence: int
    updated_at: datetime


def read_consumers(connection: Connection) -> list[Consumer]:
    """Read all consumers, by name."""
    found = connection.execute(_COLUMNS.order_by(consumers.c.name))
    return [Consumer(*each) for each in found]


def read_consumer(connection: Connection, name: str) -> Consumer | None:
    """Read one consumer; None where it has not acknowledged anything yet."""
    found = connection.execute(_COLUMNS.where(consumers.c.name == name)).one_or_none()
    return None if found is None else Consumer(*found)


def acknowledge(connection: Connection, name: str, sequence: int, now: datetime) -> None:
    """Move a consumer forward to a number, or begin it there; one that is further stays where it is."""
    _move(connection, name, sequence, now, is_forward=True)


def move_consumer(connection: Connection, name: str, sequence: int, now: datetime) -> None:
    """Put a consumer at a number, also back, to read again what it had acknowledged; or begin it there."""
    _move(connection, name, sequence, now, is_forward=False)


def advance_consumer(
    connection: Connection, name: str, sequence: int, now: datetime, *, from_sequence: int
) -> None:
    """Move a consumer on from a number; one that somebody has put elsewhere meanwhile stays there."""
    connection.execute(
        update(consumers)
        .where(consumers.c.name == name, consumers.c.sequence == from_sequence)
        .values(sequence=sequence, updated_at=now)
    )


def forget_consumer(connection: Connection, name: str) -> bool:
    """Forget a consumer; tell whether there was one."""
    return bool(connection.execute(delete(consumers).where(consumers.c.name == name)).rowcount)


_COLUMNS = select(consumers.c.name, consumers.c.sequence, consumers.c.updated_at)


def _move(connection: Connection, name: str, sequence: int, now: datetime, *, is_forward: bool) -> None:
    values = {"name": name, "sequence": sequence, "updated_at": now}
    statement = insert_statement(connection, consumers).values(values)
    given = statement.excluded
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[consumers.c.name],
            set_={"sequence": given.sequence, "updated_at": given.updated_at},
            where=consumers.c.sequence <= given.sequence if is_forward else None,
        )
    )
