"""The service's rows follow a new version or other exclusions while it syncs."""

from __future__ import annotations

import asyncio

import structlog

from syncer.daemon.database_health import Availability
from syncer.daemon.waiting import any_of
from syncer.domain.errors import DatabaseError, ProjectionReplaced
from syncer.sync.reproject import Reprojected, Reprojection

log = structlog.get_logger("syncer")

#: Seconds to leave the database alone after it could not be used.
DATABASE_PAUSE = 5.0


async def keep_projected(
    reprojection: Reprojection,
    stopping: asyncio.Event,
    availability: Availability,
    *,
    database_pause: float = DATABASE_PAUSE,
) -> None:
    """Finish the re-projection that is under way, if any; then wait for the service's end."""

    def stored(so_far: Reprojected) -> None:
        # The first thing it tells of is only that it begins.
        if so_far.rows or so_far.is_finished:
            availability.works("reprojection")

    while not stopping.is_set():
        try:
            await reprojection.finish(stored)
            availability.works("reprojection")
            break
        except ProjectionReplaced as error:
            # It is another process's from now on; the runs here tell it, too.
            log.error("reprojection_given_up", error=str(error))
            availability.works("reprojection")
            break
        except DatabaseError as error:
            availability.failed("reprojection", error)
            await any_of(stopping, seconds=database_pause)
    await stopping.wait()
