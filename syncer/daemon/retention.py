"""Retention in the service: what is too old is dropped every few minutes."""

from __future__ import annotations

import asyncio

from syncer.app import App
from syncer.daemon.database_health import DATABASE_PAUSE, DatabaseHealth
from syncer.daemon.waiting import any_of
from syncer.domain.errors import DatabaseError, TableUnavailable
from syncer.process.log import Logger

log = Logger()

#: Seconds between two looks for what is too old.
DROP_EVERY = 300.0


async def drop_regularly(
    app: App, stopping: asyncio.Event, database_health: DatabaseHealth, *, drop_every: float = DROP_EVERY
) -> None:
    """Drop what is too old, again and again until stopping is set."""
    while not stopping.is_set():
        pause = drop_every
        try:
            await app.drop_old_rows()
            database_health.report_success("retention")
        except TableUnavailable as error:
            log.warning("retention_delayed", error=str(error))
            database_health.report_success("retention")
        except DatabaseError as error:
            database_health.report_failure("retention", error)
            pause = min(DATABASE_PAUSE, drop_every)
        await any_of(stopping, seconds=pause)
