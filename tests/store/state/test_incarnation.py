"""The marks of a database, and what becomes of them when a backup is restored."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection

from syncer.domain.errors import DatabaseReplaced
from syncer.domain.incarnation import Incarnation
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.state import Outcome
from syncer.store.db.database import Database
from syncer.store.state.incarnation import read_incarnation
from syncer.store.state.runs import begin_run, end_run
from tests.support.databases import sqlite_file

NOW = datetime(2031, 3, 9, 12, 0, tzinfo=UTC)
ON_SQLITE, ON_POSTGRESQL = (
    pytest.mark.parametrize("migrated_url", [kind], indirect=True) for kind in ("sqlite", "postgresql")
)


def run(database: Database, run_id: str) -> None:
    with database.begin() as connection:
        begin_run(connection, run_id, "default", StreamKey("i", "hris_groups"), "me", NOW)
        end_run(connection, run_id, Outcome.COMPLETE, None, NOW)


def test_a_database_that_goes_on_stays_the_same(database: Database) -> None:
    before = read_incarnation(database)
    for number in range(3):
        run(database, f"{number}")
        before = read_incarnation(database, before)
    assert before.last_run is not None


def forget_runs(connection: Connection) -> None:
    connection.exec_driver_sql("DELETE FROM sync_runs")


def fill_anew(connection: Connection) -> None:
    connection.exec_driver_sql("TRUNCATE sync_streams")


def drop_tables(connection: Connection) -> None:
    connection.exec_driver_sql("DROP TABLE sync_runs")


def changed(database: Database, change: Callable[[Connection], None]) -> None:
    run(database, "the latest")
    before: Incarnation = read_incarnation(database)
    with database.begin() as connection:
        change(connection)
    with pytest.raises(DatabaseReplaced):
        read_incarnation(database, before)


def test_a_database_that_does_not_know_the_latest_run_is_another(database: Database) -> None:
    changed(database, forget_runs)


def test_a_database_that_has_lost_its_tables_is_another(database: Database) -> None:
    changed(database, drop_tables)


@ON_POSTGRESQL
def test_tables_that_were_filled_anew_are_another_database(database: Database) -> None:
    changed(database, fill_anew)


def empty_log(database: Database) -> None:
    """Bring everything into SQLite's file."""
    with closing(sqlite3.connect(database.engine.url.database or "", isolation_level=None)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@ON_SQLITE
def test_a_file_that_is_overwritten_in_place_is_another_database(
    database: Database, migrated_url: str
) -> None:
    file = sqlite_file(migrated_url)
    run(database, "an early one")
    empty_log(database)
    copy = shutil.copy(file, file.with_name("copy.db"))
    run(database, "the latest")
    before = read_incarnation(database)
    empty_log(database)
    shutil.copyfile(copy, file)
    with pytest.raises(DatabaseReplaced):
        read_incarnation(database, before)
