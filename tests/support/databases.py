"""Databases of both kinds for a test of its own: empty ones, and copies of a migrated one.

Plugin of pytest. PostgreSQL is started when the first test needs it.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import URL, make_url

from syncer.store.db.database import Database
from syncer.store.schema import migrate as schema
from tests.support import postgres
from tests.support.environment import POSTGRES_VARIABLE

#: For a test on ``migrated_url`` whose claim no database changes: PostgreSQL takes twice as long.
ON_SQLITE = pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A server that tests make databases on. url: of its maintenance database; admin: connected to that."""

    url: URL
    admin: psycopg.Connection

    def create(self, template: str = "template0") -> str:
        """Create a database; give its URL."""
        name = f"syncer_test_{uuid.uuid4().hex}"
        # To copy files is many times as fast as to log every page, and PostgreSQL's way before 15.
        strategy = "STRATEGY FILE_COPY" if self.admin.info.server_version >= 150_000 else ""
        self.admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" {strategy}'.encode())
        return self.url.set(database=name).render_as_string(hide_password=False)

    def drop(self, url: str) -> None:
        """Drop a database, whoever is connected to it."""
        self.admin.execute(f'DROP DATABASE "{make_url(url).database}" WITH (FORCE)'.encode())

    @contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """Create a database that is dropped after the block; its URL."""
        url = self.create(template)
        yield url
        self.drop(url)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The embedded server, or the one that is given."""
    given = os.environ.get(POSTGRES_VARIABLE)
    if given:
        with _connected(given) as server:
            yield server
        return
    with postgres.running() as embedded, _connected(embedded.url) as server:
        yield server


@contextmanager
def _connected(url: str) -> Iterator[PostgresServer]:
    with psycopg.connect(url, autocommit=True) as admin:
        yield PostgresServer(make_url(url).set(drivername="postgresql"), admin)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """An empty PostgreSQL database of this test alone."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A SQLite database of this test alone; the file does not exist yet."""
    return f"sqlite:///{tmp_path / 'mirror.db'}"


def sqlite_file(url: str) -> Path:
    """Give the file of a SQLite database."""
    return Path(url.removeprefix("sqlite:///"))


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database of both kinds, one after the other."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    if request.param == "sqlite":
        sqlite_file(url).touch()
    return url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to be copied."""
    file = tmp_path_factory.mktemp("template") / "mirror.db"
    migrate(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> Iterator[str]:
    """The name of a migrated PostgreSQL database, to be copied."""
    with postgres_server.database() as url:
        migrate(url)
        yield make_url(url).database or ""


def migrate(url: str) -> None:
    """Bring a database to the present schema."""
    database = Database(url)
    schema.migrate(database)
    database.close()


@contextmanager
def migrated_database(request: pytest.FixtureRequest, dialect: str, directory: Path) -> Iterator[str]:
    """Copy the migrated database of this kind for as long as the block; its URL.

    directory: where a SQLite file is made, ``mirror.db``.
    """
    if dialect == "sqlite":
        file = directory / "mirror.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), file)
        yield f"sqlite:///{file}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    with server.database(request.getfixturevalue("postgres_template")) as url:
        yield url


@pytest.fixture
def migrated_sqlite_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated SQLite file of this test alone."""
    with migrated_database(request, "sqlite", tmp_path) as url:
        yield url


@pytest.fixture
def migrated_postgres_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated PostgreSQL database of this test alone."""
    with migrated_database(request, "postgresql", tmp_path) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def migrated_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated database of this test alone, of both kinds."""
    with migrated_database(request, request.param, tmp_path) as url:
        yield url


@pytest.fixture
def database(migrated_url: str) -> Iterator[Database]:
    """A migrated database of both kinds, open."""
    database = Database(migrated_url)
    yield database
    database.close()
