"""Guard of the SQLite file that a process has open: another file in its place is noticed before it is used.

SQLite goes on with the file that it has opened, wherever that is: nobody would see what is written there.
"""

from __future__ import annotations

import threading

from syncer.domain.errors import DatabaseReplaced, DatabaseUnavailable
from syncer.store.db.sqlite_file import FileKey, SqliteFile


class OpenedFile:
    """SQLite's file and its companions, as they were when the first connection was made.

    The companions stay as long as a connection is open; SQLite removes them with the last one.
    """

    def __init__(self, file: SqliteFile) -> None:
        self.file = file
        self._key: FileKey | None = None
        self._companions: dict[str, FileKey] = {}
        self._connections = 0
        self._is_replaced = False
        self._lock = threading.Lock()

    def connected(self) -> None:
        """Note that a connection has been made."""
        with self._lock:
            self._connections += 1
            self._note_companions()

    def closed(self) -> None:
        """Note that a connection has been closed."""
        with self._lock:
            self._connections = max(0, self._connections - 1)
            if self._connections == 0 and not self._is_replaced:
                self._companions.clear()

    def check(self) -> None:
        """Raise DatabaseUnavailable where the file is away, and DatabaseReplaced where it is another one."""
        with self._lock:
            found = self.file.key()
            if found is None and self._key is not None:
                raise DatabaseUnavailable(
                    f"The database file {self.file.path} has been removed: put it, or a backup of it, back."
                )
            self.file.check()
            self._key = self._key or found
            if self._is_replaced or found != self._key or self._note_companions():
                self._is_replaced = True
                raise DatabaseReplaced(
                    f"The database file {self.file.path} has been replaced while it was in use: "
                    "begin anew with the one that is there."
                )

    def forget(self) -> None:
        """Take the file that is there now for the right one. Call it once all connections are closed.

        A write-ahead log of the former file is set aside: SQLite would apply it to the new one.
        """
        with self._lock:
            if self._key is not None and self.file.key() not in {None, self._key}:
                for ending, former in self._companions.items():
                    if self.file.key(ending) == former:
                        self.file.set_aside(ending)
            self._key, self._is_replaced = None, False
            self._companions.clear()

    def _note_companions(self) -> bool:
        """Note the companions that there are; tell whether one is gone or another."""
        if not self._connections:
            return False
        for ending in ("-wal", "-shm"):
            found, known = self.file.key(ending), self._companions.get(ending)
            if known is None and found is not None:
                self._companions[ending] = found
            elif found != known:
                return True
        return False
