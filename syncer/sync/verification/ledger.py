"""Ledger of a verification: what source and mirror have of each record, as hashes in a file without a name.

A million records take some 100 MB of disk and a few of memory. SQLite deletes the file as it makes it; it has
ids and hashes alone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, Self

from syncer.domain.errors import UsageError
from syncer.domain.verification.digest import digest
from syncer.domain.verification.result import Digests

#: Kibibytes of it in memory.
_CACHE = 16_384


class Entry(NamedTuple):
    """One record. is_listed: the source has it; is_deleted: it says that it is deleted.

    source, mirror: hashes of the record where it is live on that side; None: it is not, or cannot be a row.
    """

    id: str
    is_listed: bool
    is_deleted: bool
    source: bytes | None
    mirror: bytes | None


class Totals(NamedTuple):
    """Records that the source has, of these the live ones and those that are deleted."""

    records: int
    live: int
    deleted: int


class Ledger:
    """Ledger in a temporary file. Use as a context manager, from one thread at a time.

    Raises UsageError where there is no place for the file.
    """

    def __init__(self) -> None:
        with _translated():
            # The name of a database of its own, on disk, that nobody else can open.
            self._file = sqlite3.connect("", isolation_level=None, check_same_thread=False)
            self._file.execute("PRAGMA journal_mode = OFF")
            self._file.execute("PRAGMA synchronous = OFF")
            self._file.execute(f"PRAGMA cache_size = -{_CACHE}")
            self._make()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def enter(self, entries: Iterable[Entry]) -> None:
        """Enter records; what was entered of them before is replaced."""
        with _translated():
            self._file.execute("BEGIN")
            self._file.executemany(
                "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?)", map(_packed, entries)
            )
            self._file.execute("COMMIT")

    def unknown(self, ids: Iterable[str]) -> list[str]:
        """List those of the ids that were not entered."""
        with _translated():
            return [
                each
                for each in ids
                if self._file.execute("SELECT 1 FROM records WHERE id = ?", (each,)).fetchone() is None
            ]

    def is_listed(self, record_id: str) -> bool:
        """Tell whether the source has listed a record."""
        with _translated():
            found = self._file.execute("SELECT is_listed FROM records WHERE id = ?", (record_id,)).fetchone()
        return bool(found and found[0])

    def clear(self) -> None:
        """Begin anew."""
        with _translated():
            self._file.execute("DROP TABLE records")
            self._make()

    def totals(self) -> Totals:
        """Count the records of the source."""
        with _translated():
            records, deleted = self._file.execute(
                "SELECT count(*), coalesce(sum(is_deleted), 0) FROM records WHERE is_listed"
            ).fetchone()
        return Totals(records, records - deleted, deleted)

    def digests(self) -> Digests:
        """Make the digests of both sides."""
        with _translated():
            return Digests(
                digest(self._hashes("SELECT id, source FROM records WHERE source IS NOT NULL ORDER BY id")),
                digest(
                    self._hashes(
                        "SELECT id, CASE mirror WHEN x'' THEN source ELSE mirror END "
                        "FROM records WHERE mirror IS NOT NULL ORDER BY id"
                    )
                ),
            )

    def _hashes(self, query: str) -> Iterator[tuple[str, bytes]]:
        yield from self._file.execute(query)

    def _make(self) -> None:
        self._file.execute(
            "CREATE TABLE records (id TEXT PRIMARY KEY, is_listed INTEGER, is_deleted INTEGER, "
            "source BLOB, mirror BLOB) WITHOUT ROWID"
        )


def _packed(entry: Entry) -> Entry:
    """Leave out the hash of the mirror where it is that of the source: it would be a third of the file."""
    if entry.mirror is not None and entry.mirror == entry.source:
        return entry._replace(mirror=b"")
    return entry


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise UsageError(
            f"A verification needs a folder for temporary files, with room for 100 bytes a record ({error}): "
            "name one in TMPDIR."
        ) from error
