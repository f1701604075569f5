"""SQLite's write-ahead log is written back by those who have written, and by none who is urgent."""

from __future__ import annotations

from contextlib import closing

from sqlalchemy import text

from syncer.store.db.database import Database
from syncer.store.db.write_ahead_log import ROWS_BETWEEN
from tests.support.databases import sqlite_file

#: Bytes of a row.
ROW = 4_000


def test_a_long_log_is_written_back_once_a_writer_that_is_not_urgent_has_committed(
    migrated_sqlite_url: str,
) -> None:
    file = sqlite_file(migrated_sqlite_url)
    with closing(Database(migrated_sqlite_url)) as database:
        with database.begin() as connection:
            connection.execute(text("CREATE TABLE numbers (n INTEGER PRIMARY KEY, padding TEXT)"))
        before = file.stat().st_size
        write(database, ROWS_BETWEEN, urgent=True)
        assert file.stat().st_size == before
        write(database, 1)
        written = file.stat().st_size
        assert written > before + ROWS_BETWEEN * ROW
        # From then on it is short again.
        write(database, ROWS_BETWEEN // 2)
        assert file.stat().st_size == written
        write(database, ROWS_BETWEEN // 2)
        assert file.stat().st_size > written


def test_a_log_that_somebody_reads_is_left_to_the_next_writer(migrated_sqlite_url: str) -> None:
    with closing(Database(migrated_sqlite_url)) as database:
        with database.begin() as connection:
            connection.execute(text("CREATE TABLE numbers (n INTEGER PRIMARY KEY, padding TEXT)"))
        with database.read() as reader:
            assert reader.scalar(text("SELECT count(*) FROM numbers")) == 0
            write(database, 3 * ROWS_BETWEEN)
            assert reader.scalar(text("SELECT count(*) FROM numbers")) == 0
        write(database, ROWS_BETWEEN)
        assert sqlite_file(migrated_sqlite_url).stat().st_size > 4 * ROWS_BETWEEN * ROW


def write(database: Database, rows: int, *, urgent: bool = False) -> None:
    with database.begin(urgent=urgent) as connection:
        connection.execute(
            text("INSERT INTO numbers (padding) VALUES (:padding)"), [{"padding": "x" * ROW}] * rows
        )
