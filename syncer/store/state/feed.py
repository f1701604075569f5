"""Retention of the change feed."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, update

from syncer.store.schema.feed_tables import changes, feed


def drop_old_changes(keep: timedelta, connection: Connection, now: datetime, limit: int) -> int:
    """Drop changes from the feed's beginning that are too old to be kept, at most so many; give how many.

    One that is dated ahead by longer than that was told by a clock that was wrong: it is dropped, too, or all
    behind it would be kept for as long.
    """
    oldest = connection.execute(
        select(changes.c.sequence, changes.c.at).order_by(changes.c.sequence).limit(limit)
    )
    last, number = 0, 0
    for sequence, at in oldest:
        if abs(now - at) <= keep:
            break
        last, number = sequence, number + 1
    if number:
        connection.execute(delete(changes).where(changes.c.sequence <= last))
        # Last: writers wait for this row.
        connection.execute(update(feed).where(feed.c.id == 1).values(dropped=last))
    return number
