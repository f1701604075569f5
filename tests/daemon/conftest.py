"""The service in the test's own process, and as the process that its users have."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psycopg
import pytest
from sqlalchemy import URL, Connection, select

from syncer.app import App
from syncer.config.settings import Settings
from syncer.daemon.workers import Workers
from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.stream import Stream
from syncer.simulator.clock import SimClock
from syncer.simulator.server.api import simulator_app
from syncer.simulator.server.environment import Environment
from syncer.simulator.server.limit import RateLimit
from syncer.simulator.server.serve import running_in_thread
from syncer.store.db import engines
from syncer.store.db.database import Database
from syncer.store.schema.mirror_tables import MIRROR
from syncer.store.state.streams import StreamStore
from syncer.sync.context import Progress, SyncContext

API_KEY = "ks_dev_only-for-the-service"
#: Small models of one category, and a larger one.
MODELS = ("hris_groups", "hris_locations", "hris_employees")
#: Seconds after which a test gives up waiting.
PATIENCE = 60
#: How much faster than it thinks the program waits for Kombo.
FASTER = 100

T = TypeVar("T")


def until(condition: Callable[[], T], what: str) -> T:
    """Wait until something has become true; gives what it has become."""
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline, f"this never came: {what}"
        time.sleep(0.01)
    return found


def make_environment(*, integrations: int = 1, records: int = 600, limit: int = 100_000) -> Environment:
    """Made-up companies whose clock is the true one."""
    return Environment.example(
        SimClock(lambda: datetime.now(UTC)),
        integrations=integrations,
        records=records,
        api_key=API_KEY,
        limit=RateLimit(time.monotonic, limit=limit),
    )


@dataclass
class Mirror:
    """A look into a database that the program under test writes."""

    database_url: str

    @contextmanager
    def open(self) -> Iterator[tuple[Database, Connection]]:
        """The database and a writing transaction on it."""
        with self._database() as database, database.begin() as connection:
            yield database, connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that nobody has to wait for."""
        with self._database() as database, database.read() as connection:
            yield connection

    @contextmanager
    def _database(self) -> Iterator[Database]:
        database = Database(self.database_url)
        try:
            yield database
        finally:
            database.close()

    def streams(self) -> dict[StreamKey, Stream]:
        """The state of every stream that is mirrored."""
        with self.read() as connection:
            return {each.key: each for each in StreamStore().all(connection)}

    def fetch(self, statement: str) -> list[Any]:
        """Rows of a query in SQL."""
        with self.read() as connection:
            return list(connection.exec_driver_sql(statement).all())

    def documents(self, model: str, integration_id: str) -> dict[str, Any]:
        """The mirrored records by id."""
        table = MIRROR[model]
        with self.read() as connection:
            found = connection.execute(
                select(table.c.id, table.c.document).where(table.c.integration_id == integration_id)
            )
            return {row[0]: json.loads(row[1]) if isinstance(row[1], str) else row[1] for row in found}

    def equals(self, environment: Environment, *models: str) -> bool:
        """Whether the mirror holds exactly what the source serves."""
        return all(
            self.documents(model, integration)
            == {
                row["id"]: json.loads(json.dumps(row))
                for row in company.rows(model, include_deleted=catalogue()[model].features.include_deleted)
            }
            for integration, company in environment.companies.items()
            for model in models or MODELS
        )

    def is_complete(self, streams: int) -> bool:
        """Whether so many streams are mirrored, all of them complete and due no more."""
        states = [each.state for each in self.streams().values() if each.due_at is None]
        return states == ["complete"] * streams

    def leases(self) -> list[Any]:
        """The streams that somebody has a lease on."""
        return self.fetch("SELECT integration_id, model FROM sync_streams WHERE lease_owner IS NOT NULL")


@pytest.fixture
def mirror(database_url: str) -> Mirror:
    """An empty database of both kinds."""
    return Mirror(database_url)


# -- the service as a process --------------------------------------------------------------------------------


@dataclass
class Service:
    """A running ``syncer run``; what it writes to stderr is collected line by line."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr:
            self.lines.extend(self.process.stderr)

    def events(self, name: str | None = None) -> list[dict[str, Any]]:
        """What it has logged so far; a line that is no JSON fails the test."""
        found = [json.loads(line) for line in list(self.lines)]
        return [event for event in found if name in (None, event["event"])]

    def wait_for(self, name: str, **fields: Any) -> dict[str, Any]:
        """Its first event of that name with these fields."""

        def found() -> dict[str, Any] | None:
            for event in self.events(name):
                if fields.items() <= event.items():
                    return event
            assert self.process.poll() is None, f"it ended before {name}: {self.lines}"
            return None

        return until(found, name) or {}

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def end(self) -> int:
        """Wait for its end; gives the exit code."""
        code = self.process.wait(PATIENCE)
        self._reader.join()
        return code

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; gives the exit code."""
        self.send(number)
        return self.end()


@dataclass
class Source:
    """A simulated Kombo that is being served, and how services on it are started."""

    environment: Environment
    base_url: str
    directory: Path
    started: list[Service] = field(default_factory=list)

    @property
    def streams(self) -> int:
        """How many streams a service mirrors that mirrors everything it is told to."""
        return len(self.environment.integrations) * len(MODELS)

    def settings(self, database_url: str) -> dict[str, str]:
        """What a program needs to mirror it."""
        return {
            "SYNCER_KOMBO__BASE_URL": self.base_url,
            "SYNCER_KOMBO__API_KEY": API_KEY,
            "SYNCER_INTEGRATIONS": json.dumps([{"id": each} for each in self.environment.integrations]),
            "SYNCER_SYNC__MODELS": json.dumps(MODELS),
            "SYNCER_DATABASE__URL": database_url,
            "SYNCER_WEB__PORT": "0",
        }

    def start(self, database_url: str, **settings: str) -> Service:
        """Start a service."""
        ours = {name: value for name, value in os.environ.items() if not name.upper().startswith("SYNCER_")}
        process = subprocess.Popen(
            [sys.executable, "-m", "syncer", "run"],
            cwd=self.directory,
            env={**ours, **self.settings(database_url), **settings},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        self.started.append(Service(process))
        return self.started[-1]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[Environment], Source]]:
    """Serves a simulated Kombo until the test ends, and ends the services that it started."""
    with ExitStack() as served:
        sources: list[Source] = []

        def serve(environment: Environment) -> Source:
            base_url = served.enter_context(running_in_thread(environment))
            sources.append(Source(environment, base_url, tmp_path))
            return sources[-1]

        yield serve
        for source in sources:
            # What a test has scripted must not keep the simulator from ending.
            source.environment.faults.clear()
            for service in source.started:
                service.process.kill()
                service.end()


# -- the service in this process -----------------------------------------------------------------------------


@dataclass
class World:
    """Source, mirror and the program between them, all in this process.

    steps: what runs have reported; settings: changes to the defaults, as nested tables.
    """

    environment: Environment
    mirror: Mirror
    settings: dict[str, Any] = field(default_factory=dict)
    steps: list[Progress] = field(default_factory=list)

    def app(self) -> App:
        """A new program on the database, as after a restart."""
        tables: dict[str, Any] = {
            "kombo": {"api_key": API_KEY, "base_url": "http://kombo.test/v1"},
            "database": {"url": self.mirror.database_url},
            "integrations": [{"id": each} for each in self.environment.integrations],
            "sync": {"models": MODELS, "every": "1h"},
            "web": {"enabled": False},
        }
        for name, table in self.settings.items():
            tables[name] = {**tables[name], **table} if isinstance(table, dict) else table

        async def sleep(seconds: float) -> None:
            await asyncio.sleep(seconds / FASTER)

        return App(
            Settings(**tables),
            transport=httpx.ASGITransport(app=simulator_app(self.environment)),
            sleep=sleep,
        )

    @asynccontextmanager
    async def working(self, *, due: bool = True, **workers: Any) -> AsyncIterator[Work]:
        """Workers on all streams, which are due now unless said otherwise; stopped at the end."""
        async with self.app() as app:
            app.open_database()
            async with app.open(self.steps.append) as (engine, asking):
                keys = await app.selection.refresh_streams(asking)
                if due:
                    self.mark(*keys)
                arguments = {"concurrency": 8, "stopping": app.stopping, **workers}
                made = Workers(engine, asking, **arguments)
                running = asyncio.create_task(made.run())
                try:
                    yield Work(app, engine, made, running, keys)
                finally:
                    app.stopping.set()
                    await asyncio.wait({running})

    def mark(self, *keys: StreamKey) -> None:
        """Make streams due, as another process would."""
        with self.mirror.open() as (database, connection):
            now = database.now(connection)
            StreamStore().mark_due(connection, keys, now=now, purpose=Purpose.INCREMENTAL)

    def ended(self, key: StreamKey | None = None) -> list[tuple[StreamKey, str]]:
        """The runs that have ended so far, with their outcome."""
        return [
            (step.key, step.result.outcome.value)
            for step in list(self.steps)
            if step.result is not None and key in (None, step.key)
        ]

    @staticmethod
    async def until(condition: Callable[[], T], what: str) -> T:
        """Wait until something has become true; gives what it has become."""
        deadline = time.monotonic() + PATIENCE
        while not (found := condition()):
            assert time.monotonic() < deadline, f"this never came: {what}"
            await asyncio.sleep(0.01)
        return found


@dataclass
class Work:
    """Workers at work."""

    app: App
    engine: SyncContext
    workers: Workers
    running: asyncio.Task[None]
    keys: list[StreamKey]


@pytest.fixture
def make_world(migrated_url: str) -> Callable[..., World]:
    """Builds a world on a migrated database of both kinds."""

    def make(*, integrations: int = 1, records: int = 600, **settings: Any) -> World:
        environment = make_environment(integrations=integrations, records=records)
        return World(environment, Mirror(migrated_url), settings)

    return make


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """One integration with a few hundred records."""
    return make_world()


# -- a database that goes away -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Troubled:
    """A migrated database, and what takes it away for a while."""

    url: str
    outage: Callable[[], AbstractContextManager[None]]
    keeps_readers_out: bool = False


@pytest.fixture(params=["sqlite locked", "postgresql away", "postgresql full"])
def troubled(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Troubled]:
    """A database that can be read but not written, or not at all."""
    kind, trouble = request.param.split()
    if kind == "sqlite":
        # Programs of this process give up soon.
        monkeypatch.setattr(engines, "SQLITE_BUSY_MS", 250)
        url: str = request.getfixturevalue("sqlite_url")
        shutil.copy(request.getfixturevalue("_sqlite_template"), url.removeprefix("sqlite:///"))
        yield Troubled(url, lambda: locked(url))
        return
    admin: psycopg.Connection = request.getfixturevalue("_postgres_admin")
    server: URL = request.getfixturevalue("postgres_server_url")
    name = f"syncer_test_{uuid.uuid4().hex}"
    template = request.getfixturevalue("_postgres_template")
    admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())

    url = server.set(database=name).render_as_string(hide_password=False)

    @contextmanager
    def closed() -> Iterator[None]:
        admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'.encode())
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        try:
            yield
        finally:
            admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'.encode())

    @contextmanager
    def full() -> Iterator[None]:
        with psycopg.connect(url, autocommit=True) as inside:
            inside.execute(
                "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                "RAISE EXCEPTION 'no space left on device' USING ERRCODE = 'disk_full'; END $$"
            )
            inside.execute(
                "CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON sync_streams "
                "EXECUTE FUNCTION full_disk()"
            )
            try:
                yield
            finally:
                inside.execute("DROP FUNCTION full_disk CASCADE")

    yield Troubled(url, *((closed, True) if trouble == "away" else (full, False)))
    admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@contextmanager
def locked(database_url: str) -> Iterator[None]:
    """Somebody else writes to a SQLite file and does not come to an end; it can still be read."""
    other = sqlite3.connect(database_url.removeprefix("sqlite:///"), isolation_level=None)
    try:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")
    finally:
        other.close()
