"""Another database in the place of the one that the service uses: noticed, and used if it is a mirror."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, MutableMapping, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.errors import DeadlockDetected
from sqlalchemy import event, make_url
from structlog.testing import capture_logs

from syncer.app import App
from syncer.daemon.service import run_service
from syncer.simulator.life.random_change import random_change
from tests.support.databases import PostgresServer, migrate, sqlite_file
from tests.support.mirror import Mirror
from tests.support.source import MODELS, make_environment
from tests.support.waiting import PATIENCE, rest
from tests.support.workers import WorkersWorld

EMPLOYEES = "hris_employees"
#: Seconds between two looks at the database.
OFTEN = 0.05


@dataclass
class Served(WorkersWorld):
    """A world that the service mirrors, every second."""

    logged: Sequence[MutableMapping[str, Any]] = ()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[App]:
        """Run the service until the end of the block, where it must end well."""
        web = {"enabled": True, "port": 0}
        async with self.app(sync={"every": "1s"}, web=web) as app:
            with capture_logs() as logged:
                self.logged = logged
                running = asyncio.create_task(
                    run_service(app, report=self.steps.append, handle_signals=False, look_every=OFTEN)
                )
                try:
                    await self.until(self.has_caught_up, "the first load")
                    yield app
                finally:
                    app.stopping.set()
                    await running

    def has_caught_up(self) -> bool:
        """Whether every stream is complete, and its rows are what the source lists."""
        states = [each.state for each in self.mirror.streams().values()]
        return states == ["complete"] * len(MODELS) and self.mirror.equals_source(self.environment, MODELS)

    async def change(self) -> None:
        """Let some things happen at the source, and wait for them to arrive."""
        company = next(iter(self.environment.companies.values()))
        some = Random(len(self.steps))
        for _ in range(20):
            random_change(company, some)
        company.delete(EMPLOYEES, company.ids(EMPLOYEES)[0])
        await self.until(self.has_caught_up, "what happened")

    def told(self) -> list[object]:
        """What the service has said of its database."""
        return [each["event"] for each in self.logged if "database" in str(each["event"])]

    async def health(self) -> httpx.Response:
        (url,) = [each["url"] for each in self.logged if each["event"] == "pages_served"]
        async with httpx.AsyncClient(timeout=PATIENCE) as client:
            return await client.get(f"{url}readyz")


def served(url: str) -> Served:
    return Served(make_environment(), Mirror(url))


@pytest.fixture
def on_sqlite(sqlite_url: str) -> Served:
    """The service on a SQLite file that does not exist yet."""
    migrate(sqlite_url)
    return served(sqlite_url)


def backup(file: Path) -> Path:
    """Take a backup of a SQLite file."""
    copy = file.with_name("backup.db")
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


def tables(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as connection:
        return [row[0] for row in connection.execute("SELECT name FROM sqlite_master")]


def companions(file: Path) -> list[Path]:
    return [each for ending in ("-wal", "-shm") if (each := file.with_name(file.name + ending)).exists()]


def moved(copy: Path, file: Path) -> None:
    """Put the backup in the file's place; what belonged to that is taken away."""
    for each in companions(file):
        each.unlink()
    os.replace(copy, file)


def moved_alone(copy: Path, file: Path) -> None:
    """Put the backup in the file's place, beside the write-ahead log of the other one."""
    assert companions(file)
    os.replace(copy, file)


@pytest.mark.parametrize("put", [moved, moved_alone])
async def test_a_backup_in_the_place_of_a_sqlite_file_is_used_from_then_on(
    on_sqlite: Served, put: Callable[[Path, Path], None]
) -> None:
    world, file = on_sqlite, sqlite_file(on_sqlite.database_url)
    async with world.serving():
        copy = backup(file)
        await world.change()
        put(copy, file)
        await world.until(lambda: "database_back" in world.told(), "the other file")
        await world.until(world.has_caught_up, "what the backup lacks")
        await world.change()
        assert (await world.health()).status_code == 200
        # A run may meet it before the watch does.
        assert set(world.told()) == {"database_replaced", "database_unavailable", "database_back"}
        assert len(world.told()) == 3
    with closing(sqlite3.connect(file)) as found:
        assert found.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert world.mirror.leases() == []
    assert file.with_name(f"{file.name}-wal.replaced").exists() is (put is moved_alone)


async def test_a_removed_file_is_not_made_again_and_its_backup_is_used(on_sqlite: Served) -> None:
    world, file = on_sqlite, sqlite_file(on_sqlite.database_url)
    async with world.serving():
        copy = backup(file)
        for each in (file, *companions(file)):
            each.unlink()
        await world.until(lambda: "database_unavailable" in world.told(), "the loss")
        answer = await world.health()
        assert answer.status_code == 503
        assert answer.json()["problems"]["database"] == (
            f"The database file {file} has been removed: put it, or a backup of it, back."
        )
        assert not file.exists()
        moved(copy, file)
        await world.until(lambda: "database_back" in world.told(), "the other file")
        await world.change()
        assert (await world.health()).status_code == 200


async def test_a_lost_write_ahead_log_costs_nothing_that_was_committed(on_sqlite: Served) -> None:
    world, file = on_sqlite, sqlite_file(on_sqlite.database_url)
    async with world.serving():
        await world.change()
        file.with_name(f"{file.name}-wal").unlink()
        await world.until(lambda: "database_back" in world.told(), "the reopened file")
        await world.change()


@pytest.mark.parametrize("other", ["empty", "of another program"])
async def test_what_is_no_mirror_is_not_used_and_health_says_so(on_sqlite: Served, other: str) -> None:
    world, file = on_sqlite, sqlite_file(on_sqlite.database_url)
    async with world.serving():
        before, stranger = file.with_name("before.db"), file.with_name("stranger.db")
        with closing(sqlite3.connect(stranger)) as connection:
            if other != "empty":
                connection.execute("CREATE TABLE invoices (id)")
        os.rename(file, before)
        moved(stranger, file)
        await world.until(lambda: "database_unavailable" in world.told(), "the stranger")
        expected = "has no tables yet" if other == "empty" else "holds another program's tables (invoices)"
        async with asyncio.timeout(PATIENCE):
            while expected not in (answer := await world.health()).text:
                assert "has been replaced" in answer.text
                await rest()
        assert answer.status_code == 503
        assert tables(file) == ([] if other == "empty" else ["invoices"])
        moved(before, file)
        await world.until(lambda: "database_back" in world.told(), "the file that was there before")
        await world.change()


# -- PostgreSQL ----------------------------------------------------------------------------------------------


class Shut:
    """A database of PostgreSQL that nobody gets into for a while."""

    def __init__(self, server: PostgresServer, name: str) -> None:
        self.server, self.name = server, name

    def __enter__(self) -> None:
        self._alter("false")
        self.server.admin.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s", (self.name,)
        )

    def __exit__(self, *_: object) -> None:
        self._alter("true")

    def _alter(self, allowed: str) -> None:
        self.server.admin.execute(f'ALTER DATABASE "{self.name}" ALLOW_CONNECTIONS {allowed}'.encode())


@pytest.fixture
def on_postgresql(postgres_url: str) -> Served:
    """The service on a PostgreSQL database."""
    migrate(postgres_url)
    return served(postgres_url)


# What the server has ended the driver cannot close.
@pytest.mark.filterwarnings("ignore:.*was deleted while still open:ResourceWarning")
async def test_a_database_that_is_dropped_and_restored_is_begun_anew_with(
    on_postgresql: Served, postgres_server: PostgresServer
) -> None:
    world, name = on_postgresql, make_url(on_postgresql.database_url).database or ""
    async with world.serving():
        with Shut(postgres_server, name):
            copy = make_url(await asyncio.to_thread(postgres_server.create, name)).database
        await world.until(lambda: "database_back" in world.told() or not world.told(), "the service")
        await world.change()
        with Shut(postgres_server, name):
            postgres_server.admin.execute(f'ALTER DATABASE "{name}" RENAME TO "{name}_former"'.encode())
            postgres_server.admin.execute(f'ALTER DATABASE "{copy}" RENAME TO "{name}"'.encode())
        await world.until(lambda: "database_replaced" in world.told(), "the other database")
        await world.until(world.has_caught_up, "what the backup lacks")
        await world.change()
    postgres_server.drop(str(make_url(world.database_url).set(database=f"{name}_former")))


async def test_tables_that_are_filled_anew_from_a_backup_are_begun_anew_with(on_postgresql: Served) -> None:
    world = on_postgresql
    async with world.serving() as app:
        with psycopg.connect(world.database_url) as connection:
            tables = [
                row[0]
                for row in connection.execute(
                    "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
                ).fetchall()
            ]
            connection.execute("CREATE SCHEMA backup")
            for each in tables:
                connection.execute(f"CREATE TABLE backup.{each} AS SELECT * FROM {each}".encode())
        await world.change()
        # It has seen what the backup lacks, or could not miss it.
        looks: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if "relfilenode" in statement:
                looks.append(statement)

        event.listen(app.database.engine, "before_cursor_execute", note)
        await world.until(lambda: len(looks) > 1, "a look from its beginning to its end")

        def restore() -> bool:
            with suppress(DeadlockDetected), psycopg.connect(world.database_url) as connection:
                connection.execute(f"LOCK TABLE {', '.join(tables)} IN EXCLUSIVE MODE".encode())
                for each in tables:
                    connection.execute(f"DELETE FROM {each}".encode())
                    connection.execute(f"INSERT INTO {each} SELECT * FROM backup.{each}".encode())
                return True
            # The service has locked some of them in another order.
            return False

        while not await asyncio.to_thread(restore):
            await rest()
        await world.until(lambda: "database_replaced" in world.told(), "the older rows")
        await world.until(world.has_caught_up, "what the backup lacks")
        await world.change()
