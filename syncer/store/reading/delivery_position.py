"""Position of a delivery: its state, how far its receiver is, and how far the feed."""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy import Connection, bindparam, select

from syncer.store.reading.changes import FeedState
from syncer.store.schema.delivery_tables import deliveries
from syncer.store.schema.mirror_tables import consumers, feed
from syncer.store.state.deliveries import DeliveryRow, delivery_row


class DeliveryPosition(Struct, frozen=True):
    """State of a delivery, the number up to which its receiver has the feed, and the feed's numbers."""

    row: DeliveryRow
    after: int
    feed: FeedState


def read_delivery_position(connection: Connection, name: str) -> DeliveryPosition | None:
    """Read the position of a delivery; None where it has not begun."""
    found = connection.execute(_POSITION, {"name": name}).one_or_none()
    if found is None:
        return None
    values = dict(found._mapping)
    after, newest, dropped = (values.pop(each) for each in ("after", "newest", "dropped"))
    return DeliveryPosition(delivery_row(values), after, FeedState(newest, dropped))


#: Made once, and one statement: it is asked before each message.
_POSITION = (
    select(deliveries, consumers.c.sequence.label("after"), feed.c.newest, feed.c.dropped)
    .join_from(deliveries, consumers, consumers.c.name == deliveries.c.name)
    .join(feed, feed.c.id == 1)
    .where(deliveries.c.name == bindparam("name"))
)
