"""Re-projection in the background: rows follow a new version or other exclusions while the service syncs.

What is left in SQLite's files of values that were removed is overwritten after it, and once a day.
"""

from __future__ import annotations

import asyncio

import structlog

from syncer.daemon.database_health import DATABASE_PAUSE, DatabaseHealth
from syncer.daemon.waiting import any_of
from syncer.domain.errors import DatabaseError, ProjectionReplaced, TableUnavailable
from syncer.sync.removed_values import overwrite_removed
from syncer.sync.reproject import Reprojected, Reprojection

log = structlog.get_logger("syncer")

#: The same where only the rows of a list could not be used.
TABLE_PAUSE = 60.0
#: Seconds between two looks for values that were removed; to overwrite them takes a copy of SQLite's file.
OVERWRITE_EVERY = 86_400.0


async def finish_reprojection(
    reprojection: Reprojection,
    stopping: asyncio.Event,
    database_health: DatabaseHealth,
    *,
    database_pause: float = DATABASE_PAUSE,
) -> None:
    """Finish the re-projection that is under way; then overwrite removed values until stopping is set."""

    def stored(so_far: Reprojected) -> None:
        # The first report says only that it begins.
        if so_far.rows or so_far.is_finished:
            database_health.report_success("reprojection")

    while not stopping.is_set():
        try:
            await reprojection.finish(stored)
            database_health.report_success("reprojection")
            break
        except ProjectionReplaced as error:
            # Another process has it from now on; the runs here meet that, too.
            log.error("reprojection_given_up", error=str(error))
            database_health.report_success("reprojection")
            break
        except TableUnavailable as error:
            log.warning("reprojection_delayed", error=str(error))
            database_health.report_success("reprojection")
            await any_of(stopping, seconds=TABLE_PAUSE)
        except DatabaseError as error:
            database_health.report_failure("reprojection", error)
            await any_of(stopping, seconds=database_pause)
    while not stopping.is_set():
        await overwrite_removed(reprojection.database)
        await any_of(stopping, seconds=OVERWRITE_EVERY)
