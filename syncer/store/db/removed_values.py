"""Values that were removed from SQLite's rows: how they leave its files, too.

Freed bytes are overwritten (``secure_delete``). A page that has changed still stands in the write-ahead log,
and in the file, as it was before, until the log is written back and cut off: that is tried at once, and again
as long as somebody reads older rows. What SQLite leaves in the unused rest of a page when it moves rows
between pages goes by a VACUUM, which copies the file: a mark in its head says that one is due.
"""

from __future__ import annotations

import sqlite3
import threading
from typing import Any, Final

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import SQLAlchemyError

#: Milliseconds to wait for readers of older rows and for writers of other processes.
WAIT_MS: Final = 200
#: Transactions between two attempts, at most: a reader may go on for hours.
MOST_BETWEEN: Final = 32

_REMOVED = "syncer_removed_values"


def note_removed(connection: Connection) -> None:
    """Note that this transaction removes values, which must leave SQLite's files, too, once it commits."""
    if connection.dialect.name == "sqlite":
        connection.info[_REMOVED] = True
        # Of no use to SQLite itself; it is written with the rows or not at all.
        connection.exec_driver_sql("PRAGMA user_version = 1")


class RemovedValues:
    """Removed values of one SQLite file that may still stand in it. Thread-safe.

    Nobody of this process may be writing while one of the methods runs that change the files.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self.are_in_log = False
        self._pause = 1
        self._transactions = 0
        event.listen(engine, "commit", self._committed)
        event.listen(engine, "rollback", _forget)

    def is_time(self) -> bool:
        """Count a transaction that has ended; tell whether to truncate the log now.

        Attempts become rarer while somebody is in the way.
        """
        with self._lock:
            if not self.are_in_log:
                return False
            self._transactions += 1
            if self._transactions < self._pause:
                return False
            self._pause, self._transactions = min(2 * self._pause, MOST_BETWEEN), 0
            return True

    def truncate_log(self) -> bool:
        """Write the log into the file and cut it off; False where somebody reads older rows for longer.

        Trouble with the file is left to whoever uses it next.
        """
        try:
            pooled = self._engine.raw_connection()
            try:
                is_done = _truncated(pooled.driver_connection)
            finally:
                pooled.close()
        except (sqlite3.Error, SQLAlchemyError):
            return False
        if is_done:
            with self._lock:
                self.are_in_log = False
        return is_done

    def are_in_file(self, connection: Connection) -> bool:
        """Tell whether a VACUUM is due."""
        return bool(connection.exec_driver_sql("PRAGMA user_version").scalar())

    def vacuum(self) -> None:
        """Copy the file without what is unused, and take the mark away. Raises DBAPIError."""
        with self._engine.connect().execution_options(syncer_outside_transactions=True) as connection:
            connection.exec_driver_sql("VACUUM")
            connection.exec_driver_sql("PRAGMA user_version = 0")
        with self._lock:
            self.are_in_log, self._pause, self._transactions = True, 1, 0

    def _committed(self, connection: Connection) -> None:
        if connection.info.pop(_REMOVED, False):
            with self._lock:
                self.are_in_log, self._pause, self._transactions = True, 1, 0


def _forget(connection: Connection) -> None:
    # What is noted of a connection that was given up went with it.
    if not connection.invalidated:
        connection.info.pop(_REMOVED, None)


def _truncated(driver: Any) -> bool:
    ((before,),) = driver.execute("PRAGMA busy_timeout").fetchall()
    driver.execute(f"PRAGMA busy_timeout = {WAIT_MS}")
    try:
        ((is_busy, _, _),) = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        driver.execute(f"PRAGMA busy_timeout = {before}")
    return not is_busy
