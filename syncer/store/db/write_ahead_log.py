"""Write-ahead log of an SQLite file: written back into the file while others go on writing.

SQLite does so within the commit that makes the log long, and whoever wants to write next waits until the disk
has all of it: for tenths of a second. Nobody need wait for it.
"""

from __future__ import annotations

import sqlite3
from threading import Lock
from typing import Any, Final

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import SQLAlchemyError

#: Rows that were changed since the last time, from which on it is written back: some 1,000 pages, as many as
#: SQLite has by itself.
ROWS_BETWEEN: Final = 500
#: Pages from which on the commit does it all the same: where somebody always writes the log ends by that.
MOST_PAGES: Final = 20_000

#: Key of a connection's ``info``: the rows that it had changed by its last commit.
_CHANGED: Final = "syncer_changed_rows"


class WriteAheadLog:
    """Log of one file. Its methods may be called from any thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._at_work = Lock()
        self._rows = 0
        event.listen(engine, "commit", self._committed)

    def write_back_if_long(self) -> None:
        """Write it back where it has become long, and nobody is doing so.

        Trouble with the file is left to whoever uses it next.
        """
        if self._rows < ROWS_BETWEEN or not self._at_work.acquire(blocking=False):
            return
        try:
            self._rows = 0
            pooled = self._engine.raw_connection()
            try:
                _driver(pooled).execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            finally:
                pooled.close()
        except (sqlite3.Error, SQLAlchemyError):
            return
        finally:
            self._at_work.release()

    def _committed(self, connection: Connection) -> None:
        # Those who write follow each other.
        changed = _driver(connection.connection).total_changes
        self._rows += changed - connection.info.get(_CHANGED, 0)
        connection.info[_CHANGED] = changed


def _driver(pooled: Any) -> Any:
    return pooled.driver_connection
