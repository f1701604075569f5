"""Re-projection in the background: rows follow a new version or other exclusions while the service syncs.

What is left in SQLite's files of values that were removed is overwritten after it, and once a day.
"""

from __future__ import annotations

import asyncio

from syncer.daemon.database_health import DATABASE_PAUSE, DatabaseHealth
from syncer.daemon.waiting import any_of
from syncer.domain.errors import DatabaseError, ProjectionReplaced, TableUnavailable
from syncer.process.log import Logger
from syncer.sync.removed_values import overwrite_removed
from syncer.sync.reproject import Reprojected, Reprojection

log = Logger()

#: The same where only the rows of a list could not be used.
TABLE_PAUSE = 60.0
#: Seconds between two looks for what a command has left to re-project, such as an interrupted erasure.
LOOK_EVERY = 600.0
#: Looks between two for values that were removed: a day. To overwrite them takes a copy of SQLite's file.
OVERWRITE_AFTER = 144


async def finish_reprojection(
    reprojection: Reprojection,
    stopping: asyncio.Event,
    database_health: DatabaseHealth,
    *,
    database_pause: float = DATABASE_PAUSE,
    look_every: float = LOOK_EVERY,
) -> None:
    """Finish re-projections and overwrite removed values, again and again until stopping is set."""

    def stored(so_far: Reprojected) -> None:
        # The first report says only that it begins.
        if so_far.rows or so_far.is_finished:
            database_health.report_success("reprojection")

    looks, is_given_up = 0, False
    while not stopping.is_set():
        pause = look_every
        try:
            if not is_given_up and await reprojection.is_needed():
                await reprojection.finish(stored)
            database_health.report_success("reprojection")
            if looks % OVERWRITE_AFTER == 0:
                await overwrite_removed(reprojection.database)
            looks += 1
        except ProjectionReplaced as error:
            # Another process has it from now on; the runs here meet that, too.
            log.error("reprojection_given_up", error=str(error))
            database_health.report_success("reprojection")
            is_given_up, pause = True, 0.0
        except TableUnavailable as error:
            log.warning("reprojection_delayed", error=str(error))
            database_health.report_success("reprojection")
            pause = TABLE_PAUSE
        except DatabaseError as error:
            database_health.report_failure("reprojection", error)
            pause = database_pause
        await any_of(stopping, seconds=pause)
