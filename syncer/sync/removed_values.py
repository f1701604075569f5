"""Overwriting of removed values, which fails nothing: it is tried again."""

from __future__ import annotations

from syncer.domain.errors import DatabaseError
from syncer.process.log import Logger
from syncer.store.db.database import Database

log = Logger()


async def overwrite_removed(database: Database) -> None:
    """Overwrite what is left of removed values in SQLite's files, or say that it stays for now."""
    try:
        if await database.overwrite_removed():
            log.info("removed_values_overwritten")
    except DatabaseError as error:
        log.warning("removed_values_left", error=str(error))
