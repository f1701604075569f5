"""Records of any model, a transaction on both databases, other programs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime

import pytest
from sqlalchemy import Connection, Table

from syncer.store.db.database import Database
from syncer.store.db.types import Timestamp
from syncer.store.schema.mirror_tables import all_tables
from tests.support import records
from tests.support.databases import migrated_database
from tests.support.records import NOW, MakeRecord, MakeRow


@pytest.fixture(scope="session")
def shared_sqlite(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    with migrated_database(request, "sqlite", tmp_path_factory.mktemp("shared")) as url:
        yield from _open(url)


@pytest.fixture(scope="session")
def shared_postgres(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    with migrated_database(request, "postgresql", tmp_path_factory.mktemp("shared")) as url:
        yield from _open(url)


def _open(url: str) -> Iterator[Database]:
    database = Database(url)
    yield database
    database.close()


@pytest.fixture(params=["sqlite", "postgres"])
def connection(request: pytest.FixtureRequest) -> Iterator[Connection]:
    """A transaction on a migrated database of both kinds; what it did is rolled back after the test."""
    database: Database = request.getfixturevalue(f"shared_{request.param}")
    with database.begin() as connection:
        yield connection
        if database.is_sqlite:
            _check_times(connection)
        connection.rollback()


def _check_times(connection: Connection) -> None:
    """On SQLite a moment in any other form sorts wrongly among the others."""
    for table, statement in _ODD_TIMES.items():
        assert not connection.exec_driver_sql(statement).all(), table


def _odd_times(table: Table) -> str:
    """Ask for the rows of a table with a moment in another form, and for these moments."""
    times = [column.name for column in table.columns if isinstance(column.type, Timestamp)]
    odd = " OR ".join(f"{each} NOT GLOB '????-??-??T??:??:??.??????Z'" for each in times)
    return f"SELECT {', '.join(times)} FROM {table.name} WHERE {odd}"


#: By table: one question for each, since they are asked after every test.
_ODD_TIMES = {
    table.name: _odd_times(table)
    for table in all_tables().tables.values()
    if any(isinstance(column.type, Timestamp) for column in table.columns)
}


@pytest.fixture(scope="session")
def now() -> datetime:
    return NOW


@pytest.fixture(scope="session")
def record_of() -> MakeRecord:
    """``record_of(model, id, version, **members)``: a JSON object with every member the catalogue knows."""
    return records.record_of


@pytest.fixture(scope="session")
def row_of() -> MakeRow:
    """``row_of(model, id, version, **members)``: the same, projected."""
    return records.row_of


Program = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def program() -> Iterator[Program]:
    """``program(code, *arguments)`` starts a Python of its own with pipes; all end with the test."""
    with ExitStack() as running:

        def start(code: str, *arguments: str) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [sys.executable, "-c", code, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            running.enter_context(process)
            running.callback(process.kill)
            return process

        yield start
