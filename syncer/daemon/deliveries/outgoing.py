"""Message that a delivery has to send next, as the database has it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from sqlalchemy import Connection

from syncer.domain.deliveries.delivery import Delivery, DeliveryState
from syncer.domain.deliveries.message import Message, changed_message, lost_message
from syncer.domain.feed.feed_change import FeedChange, Lost
from syncer.store.reading.changes import FeedSelection, read_changes
from syncer.store.reading.delivery_position import read_delivery_position
from syncer.store.state.deliveries import DeliveryRow, Pending

#: Changes of a message, at most, and the bytes of their JSON, unless a single one has more.
MOST_CHANGES = 100
MOST_BYTES = 1024 * 1024


class Outgoing(Struct, frozen=True):
    """Next message of a delivery.

    row: the delivery as it was seen. after, until: position of the consumer now, and once the receiver has
    the message. pending: what is kept of it until then. message: None where nothing fits, or nothing is new.
    """

    row: DeliveryRow
    after: int
    until: int
    message: Message | None = None
    pending: Pending | None = None
    changes: int = 0
    lost: Lost | None = None


def read_outgoing(
    connection: Connection, delivery: Delivery, *, now: datetime, nonce: str, most: int = MOST_CHANGES
) -> Outgoing | None:
    """Read the next message; None where the delivery has not begun.

    nonce: for a new message; one that is under way is made again. most: changes of a new one.
    """
    position = read_delivery_position(connection, delivery.name)
    if position is None:
        return None
    row, after, newest = position.row, position.after, position.feed.newest
    if row.state is not DeliveryState.ACTIVE or row.attempt_at(now) is not None:
        # Nothing is sent now: documents are not read for nothing.
        return Outgoing(row, after, after)
    if after > newest:
        # Another database than the one whose changes were told: what has happened to it nobody knows.
        return _lost(row, delivery, Lost(after, newest + 1), now)
    selection = FeedSelection(delivery.models, delivery.integrations)
    page = read_changes(
        connection, after, MOST_CHANGES, selection, documents=delivery.documents, state=position.feed
    )
    if page.lost is not None:
        return _lost(row, delivery, page.lost, now)
    pending = row.pending
    if pending is not None and pending.after == after:
        until = min(pending.until, page.next)
        changes: Sequence[FeedChange] = [each for each in page.changes if each.sequence <= until]
    else:
        # Somebody has moved the consumer, or nothing is under way.
        changes = _within(page.changes[:most], delivery)
        until = page.next if len(changes) == len(page.changes) else changes[-1].sequence
        pending = Pending(nonce, after, until)
    if not changes:
        return Outgoing(row, after, until)
    message = changed_message(delivery, pending.nonce, changes, after=after, until=until)
    return Outgoing(row, after, until, message, pending, len(changes))


def _lost(row: DeliveryRow, delivery: Delivery, lost: Lost, now: datetime) -> Outgoing:
    at = now.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return Outgoing(row, lost.after, lost.first - 1, lost_message(delivery, lost, at), lost=lost)


def _within(changes: Sequence[FeedChange], delivery: Delivery) -> Sequence[FeedChange]:
    """Take as many changes as go into one message."""
    size = 0
    for taken, each in enumerate(changes):
        size += len(each.json(documents=delivery.documents))
        if taken and size > MOST_BYTES:
            return changes[:taken]
    return changes
