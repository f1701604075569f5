"""Retention: what is too old to be kept leaves the database in small steps, between which others write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Final

from sqlalchemy import Connection

from syncer.store.db.database import Database
from syncer.sync.tables import on_table

#: Rows that one transaction drops, at most.
DROPPED_AT_ONCE: Final = 5_000

#: Drops some rows that are too old at this time, at most so many; gives how many.
Drop = Callable[[Connection, datetime, int], int]


async def drop_old_rows(
    database: Database, drops: Mapping[str, Drop], stopping: Callable[[], bool], *, at_once: int
) -> int:
    """Drop everything that is too old, at most so many rows at once; give how many rows that were.

    drops: by table. Raises TableUnavailable where one of them cannot be used, DatabaseError.
    """

    def step(drop: Drop, connection: Connection) -> int:
        return drop(connection, database.now(connection), at_once)

    total = 0
    for name, drop in drops.items():
        dropped = at_once
        while dropped >= at_once and not stopping():
            dropped = await on_table(database, name, database.write(partial(step, drop)))
            total += dropped
    return total
