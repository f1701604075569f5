"""Values that were removed from rows leave SQLite's files: its pages, its log and the index of that."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, make_url, text

from syncer.store.db.database import Database
from syncer.store.db.removed_values import note_removed

MARK = b"MARK-"
RANDOM = random.Random(7)


@pytest.fixture
def database(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """Rows of many lengths, each with a mark, on a SQLite that does not overwrite by itself."""
    connect = sqlite3.connect

    def careless(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **options)
        connection.execute("PRAGMA secure_delete = OFF")
        return connection

    monkeypatch.setattr(sqlite3, "connect", careless)
    database = Database(sqlite_url)
    if database.file is not None:
        database.file.create()
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE made_up (id INTEGER PRIMARY KEY, name TEXT, document TEXT)"))
        connection.execute(text("CREATE INDEX made_up_name ON made_up (name)"))
    for start in range(0, 1500, 500):
        ids = [(7919 * each) % 100_003 for each in range(start, start + 500)]
        rows = [{"id": each, "name": f"MARK-{each}", "document": marked(each)} for each in ids]
        with database.begin() as connection:
            connection.execute(text("INSERT INTO made_up VALUES (:id, :name, :document)"), rows)
    yield database
    database.close()


def marked(number: int) -> str:
    return RANDOM.randrange(3000) * "x" + f"MARK-{number}" + RANDOM.randrange(300) * "y"


def blank(connection: Connection) -> None:
    """Take the marks off all rows, which become shorter or longer."""
    rows = connection.execute(text("SELECT id FROM made_up ORDER BY id")).scalars()
    changes = [{"id": each, "document": RANDOM.randrange(3000) * "z"} for each in rows]
    connection.execute(text("UPDATE made_up SET name = NULL, document = :document WHERE id = :id"), changes)


def marks(database: Database) -> dict[str, int]:
    """Count the marks in the file and each of its companions that has some."""
    path = Path(make_url(database.shown_url).database or "")
    counted = {part.name: part.read_bytes().count(MARK) for part in path.parent.glob(f"{path.name}*")}
    return {name.removeprefix(path.name): count for name, count in counted.items() if count}


async def test_nothing_is_left_of_removed_values_while_the_database_is_in_use(database: Database) -> None:
    assert set(marks(database)) == {"", "-wal"}
    with database.begin() as connection:
        blank(connection)
        note_removed(connection)
    # Cells that SQLite moved between pages at the most.
    assert sum(marks(database).values()) < 20
    assert await database.overwrite_removed()
    assert not marks(database)
    assert not await database.overwrite_removed()


async def test_who_reads_older_rows_delays_that_and_nothing_else(database: Database) -> None:
    with database.read() as reader:
        reader.execute(text("SELECT count(*) FROM made_up")).scalar_one()
        with database.begin() as connection:
            blank(connection)
            note_removed(connection)
        assert await database.overwrite_removed()
        assert "-wal" in marks(database)
        assert reader.execute(text("SELECT count(*) FROM made_up WHERE name IS NULL")).scalar_one() == 0
    with database.read() as reader:
        reader.execute(text("SELECT count(*) FROM made_up WHERE name IS NULL")).scalar_one()
    assert not marks(database)


async def test_what_is_to_be_overwritten_survives_the_process_and_is_no_more_than_was_committed(
    database: Database, sqlite_url: str
) -> None:
    with database.begin() as connection:
        note_removed(connection)
        connection.rollback()
    assert not await database.overwrite_removed()
    with database.begin() as connection:
        blank(connection)
        note_removed(connection)
    database.close()
    following = Database(sqlite_url)
    try:
        assert await following.overwrite_removed()
        assert not marks(following)
    finally:
        following.close()
