"""What all tests share: databases of both kinds, a clean environment, hypothesis profiles."""

from __future__ import annotations

import gc
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings
from sqlalchemy import URL, make_url

from syncer.store.db.database import Database
from syncer.store.schema import migrate as schema
from tests import embedded_postgres

#: A server to use instead of the embedded one: a URL whose user may create databases.
POSTGRES_VARIABLE = "SYNCER_TEST_POSTGRES_URL"

TESTS = Path(__file__).parent
#: Folders whose tests mirror whole companies, start the program, kill it or drive long histories, and the
#: files on reporting roles, each test of which makes all tables and views anew.
SLOW = [
    TESTS / name
    for name in (
        "cli",
        "daemon",
        "queries",
        "reliability",
        "store/schema/test_grants.py",
        "store/schema/test_native_grants.py",
        "sync",
    )
]
#: What of them is quick all the same, so that the fast tests reach every layer.
QUICK = [
    TESTS / name
    for name in (
        "cli/test_help.py",
        "daemon/test_schedule.py",
        "daemon/web",
        "sync/sources/test_native_trouble.py",
        "sync/test_filters.py",
        "sync/test_permits.py",
    )
]

# The runs share their machine with others: a slow example is no failure.
settings.register_profile("dev", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark slow tests by their place, for `make test-fast`."""
    for path in (*SLOW, *QUICK):
        if not path.exists():
            raise pytest.UsageError(f"{__file__} names {path}, which does not exist")
    for item in items:
        places = {item.path, *item.path.parents}
        if places.intersection(SLOW) and not places.intersection(QUICK):
            item.add_marker(pytest.mark.slow)


def pytest_collection_finish() -> None:
    """Let the collector look seldom, and not at modules and tests: a seventh of the time went into it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith("SYNCER_") and name != POSTGRES_VARIABLE:
            monkeypatch.delenv(name)
    # A width that is given beats that of the terminal; pytest-xdist gives one.
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture(scope="session")
def postgres_server_url() -> Iterator[URL]:
    """The maintenance database of a PostgreSQL server."""
    given = os.environ.get(POSTGRES_VARIABLE)
    if given:
        yield make_url(given).set(drivername="postgresql")
        return
    with embedded_postgres.running() as server:
        yield make_url(server.url)


@pytest.fixture(scope="session")
def _postgres_admin(postgres_server_url: URL) -> Iterator[psycopg.Connection]:
    url = postgres_server_url.render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def postgres_url(postgres_server_url: URL, _postgres_admin: psycopg.Connection) -> Iterator[str]:
    """An empty PostgreSQL database of this test alone."""
    name = f"syncer_test_{uuid.uuid4().hex}"
    _create(_postgres_admin, name, "template0")
    yield postgres_server_url.set(database=name).render_as_string(hide_password=False)
    _postgres_admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A SQLite database of this test alone; the file does not exist yet."""
    return f"sqlite:///{tmp_path / 'mirror.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Both kinds of database, one after the other."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("template") / "mirror.db"
    _migrate(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def _postgres_template(postgres_server_url: URL, _postgres_admin: psycopg.Connection) -> Iterator[str]:
    name = f"syncer_template_{uuid.uuid4().hex}"
    _create(_postgres_admin, name, "template0")
    _migrate(postgres_server_url.set(database=name).render_as_string(hide_password=False))
    yield name
    _postgres_admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def _create(admin: psycopg.Connection, name: str, template: str) -> None:
    # To copy files is many times as fast as to log every page, and PostgreSQL's way before 15.
    strategy = "STRATEGY FILE_COPY" if admin.info.server_version >= 150_000 else ""
    admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" {strategy}'.encode())


def _migrate(url: str) -> None:
    database = Database(url)
    schema.migrate(database)
    database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def migrated_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A database of this test alone with all tables, of both kinds."""
    if request.param == "sqlite":
        url: str = request.getfixturevalue("sqlite_url")
        shutil.copy(request.getfixturevalue("_sqlite_template"), url.removeprefix("sqlite:///"))
        yield url
        return
    template: str = request.getfixturevalue("_postgres_template")
    admin: psycopg.Connection = request.getfixturevalue("_postgres_admin")
    server: URL = request.getfixturevalue("postgres_server_url")
    name = f"syncer_test_{uuid.uuid4().hex}"
    _create(admin, name, template)
    yield server.set(database=name).render_as_string(hide_password=False)
    admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture
def database(migrated_url: str) -> Iterator[Database]:
    """A migrated database of both kinds, open."""
    database = Database(migrated_url)
    yield database
    database.close()
