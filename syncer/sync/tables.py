"""Trouble with a table of the mirror, told apart from trouble with the database."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from syncer.domain.errors import StatementFailed, TableUnavailable
from syncer.store.db.database import Database
from syncer.store.state.probe import probe_bookkeeping

_T = TypeVar("_T")


async def on_table(database: Database, name: str, work: Awaitable[_T]) -> _T:
    """Await work on the rows of a list; where it fails alone, let that be the failure of this list.

    Raises TableUnavailable where the bookkeeping can still be written, else DatabaseError.
    """
    try:
        return await work
    except StatementFailed as error:
        await database.write(probe_bookkeeping)
        raise TableUnavailable(f"The rows of {name} cannot be read or written: {error.reason}.") from error
