"""Trouble with the database: the service goes on by itself, loses nothing, says so once, and tells the truth.

The service is a process that knows nothing of this, but for its impatience (``impatient_program.py``); the
troubles are real ones where a test can have them. What it is held to afterwards is always the same: see
``Held.check``.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import make_url

from syncer.simulator.life.random_change import random_change
from syncer.simulator.server.request_log import RequestInfo
from tests.reliability import impatient_program
from tests.support.mirror import Mirror
from tests.support.outages import locked
from tests.support.postgres import CONFIGURATION, EmbeddedServer, running
from tests.support.processes import Serve, ServedSource, Service
from tests.support.source import make_environment
from tests.support.waiting import PATIENCE, until

Trouble = Callable[[], AbstractContextManager[object]]
EMPLOYEES = "hris_employees"
#: What is logged as it always is, or where this machine is slow, and does not speak of the database.
ORDINARY = {"run_started", "run_ended", "fell_behind", "caught_up", "request_retried"}


@dataclass
class Held:
    """A program that mirrors a company that lives, and what it is held to."""

    source: ServedSource
    mirror: Mirror
    rng: Random = field(default_factory=lambda: Random(7))

    @property
    def settings(self) -> Mapping[str, str]:
        return {
            **self.source.settings(self.mirror.database_url),
            "SYNCER_KOMBO__PAGE_SIZE": "4",
            "SYNCER_SYNC__EVERY": "1s",
        }

    def start(self, *arguments: str) -> Service:
        """Start the program; it ends with the test at the latest."""
        command = (sys.executable, impatient_program.__file__, *arguments)
        return self.source.start_program(command, self.settings, preexec_fn=_obey_permissions)

    def change(self) -> None:
        """Every employee of the first company changes, and grows, and some things happen besides."""
        company = next(iter(self.source.environment.companies.values()))
        for id in company.ids(EMPLOYEES):
            company.update(EMPLOYEES, id, job_title=f"{self.rng.random()}" * 60)
        for each in self.source.environment.companies.values():
            for _ in range(5):
                random_change(each, self.rng)

    def has_caught_up(self) -> bool:
        """Whether every stream is complete, and its rows are what the source lists."""
        states = [each.state for each in self.mirror.streams().values()]
        all_complete = states == ["complete"] * self.source.streams
        return all_complete and self.mirror.equals_source(self.source.environment)

    def check(self) -> None:
        """Nothing was lost, nothing doubled: rows, counters and the log of runs agree with the source.

        To be asked where nobody is at work.
        """
        assert self.has_caught_up()
        created = {
            (integration, model): number
            for integration, model, number in self.mirror.fetch(
                "SELECT integration_id, model, SUM(created) FROM sync_runs GROUP BY integration_id, model"
            )
        }
        for (integration, model), stream in self.mirror.streams().items():
            assert stream.walk is None
            rows = self.mirror.fetch(
                f"SELECT deleted_by IS NOT NULL FROM {model} WHERE integration_id = '{integration}'"
            )
            deleted = sum(bool(row[0]) for row in rows)
            assert (stream.rows_live, stream.rows_deleted) == (len(rows) - deleted, deleted)
            assert created[integration, model] == len(rows)


@dataclass
class Serving(Held):
    """A service that has read everything once."""

    def __post_init__(self) -> None:
        self.service = self.start("run")
        self.url = self.service.wait_for("pages_served")["url"]
        self.catch_up()

    def catch_up(self) -> None:
        """Wait until it has caught up."""
        seen = 0

        def has_caught_up() -> bool:
            # To look takes a while: only where something has happened.
            nonlocal seen
            before, seen = seen, len(self.service.lines)
            return seen != before and self.has_caught_up()

        until(has_caught_up, "what the source lists")

    def told(self) -> list[str]:
        """What the service has said of its database so far."""
        lines = [line for line in list(self.service.lines) if '"database_' in line]
        return [json.loads(line)["event"] for line in lines]

    def is_well(self) -> bool:
        return httpx.get(f"{self.url}readyz", timeout=PATIENCE).status_code == 200

    def status(self) -> dict[str, Any]:
        """What it serves to programs."""
        found: dict[str, Any] = httpx.get(f"{self.url}status", timeout=PATIENCE).json()
        return found

    def live_through(self, trouble: Trouble, *, can_be_read: bool) -> None:
        """The trouble comes, is told of, goes again, and the service catches up."""
        before = self.told()
        lines = len(self.service.lines)
        with trouble():
            self.change()
            until(lambda: self.told() == [*before, "database_unavailable"], "the trouble")
            self.check_what_is_told(can_be_read=can_be_read)
            self.change()
        self.wait_for_the_end(before)
        words = Counter(event["event"] for event in self.service.events()[lines:])
        assert set(words) <= ORDINARY | {"database_unavailable", "database_back"}

    def wait_for_the_end(self, before: list[str]) -> None:
        """It goes on by itself, and has said each thing once."""
        until(lambda: self.told() == [*before, "database_unavailable", "database_back"], "the end of it")
        self.catch_up()
        # What the schedule could not do meanwhile it does now.
        until(self.is_well, "its readiness")
        assert self.told() == [*before, "database_unavailable", "database_back"]
        assert self.service.process.poll() is None

    def check_what_is_told(self, *, can_be_read: bool) -> None:
        """Its probe and the command both tell what they can know."""
        answer = httpx.get(f"{self.url}readyz", timeout=PATIENCE)
        assert (answer.status_code, answer.json()["checks"]["database"]) == (503, False)
        page = httpx.get(f"{self.url}status", timeout=PATIENCE)
        if can_be_read:
            assert (page.status_code, page.json()["is_well"]) == (200, False)
            assert "cannot be used" in page.json()["database"]
            # Where nobody else has a file open that cannot be written, as when the service opens it anew,
            # SQLite does not read its log.
            until(self.can_be_shown, "what the command shows")
        else:
            assert page.status_code == 503
            status = self.start("status")
            assert_one_sentence(status.end(), status)

    def can_be_shown(self) -> bool:
        """Whether the command reads the mirror."""
        status = self.start("status")
        return (status.end() in {0, 1}, status.lines) == (True, [])

    def end_in(self, trouble: Trouble) -> None:
        """Told to end in the middle of a trouble, it does."""
        before = self.told()
        with trouble():
            self.change()
            until(lambda: self.told() == [*before, "database_unavailable"], "the trouble")
            self.service.send(signal.SIGTERM)
            assert self.service.process.wait(PATIENCE) == 0
        # The first one has an older walk to finish.
        assert [self.start("sync").end() for _ in range(2)] == [0, 0]
        self.check()


def assert_one_sentence(code: int, said: Service) -> None:
    assert code == 3
    [line] = said.lines
    assert line.startswith("Error: The database ")


#: The system's number for the right to write what the permissions forbid, and for giving it up.
_DAC_OVERRIDE, _DROP = 1, 24
_libc = ctypes.CDLL(None)


def _obey_permissions() -> None:
    """Have the permissions of files mean something for what root starts from here."""
    if os.geteuid() == 0:
        _libc.prctl(_DROP, _DAC_OVERRIDE, 0, 0, 0)


# -- PostgreSQL ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def own_server() -> Iterator[EmbeddedServer]:
    """A server that only these tests have, so that it can be stopped.

    It breaks down and has all that was committed: otherwise it would be another database than before.
    """
    with running(f"{CONFIGURATION}synchronous_commit = on\n") as server:
        yield server


@dataclass
class Postgres:
    """A database of one test on that server, and its troubles."""

    server: EmbeddedServer
    name: str

    @property
    def url(self) -> str:
        return make_url(self.server.url).set(database=self.name).render_as_string(hide_password=False)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """The server breaks down, and is started again."""
        self.server.stop()
        yield
        self.server.start()

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """The server that everybody is connected to from now on takes no writes."""
        with psycopg.connect(self.server.url, autocommit=True) as admin:
            alter = f'ALTER DATABASE "{self.name}" SET default_transaction_read_only = '
            admin.execute(f"{alter} on".encode())
            self.cut(idle=True)
            yield
            # Those who are connected stay as they are: only a new connection finds out.
            admin.execute(f"{alter} off".encode())

    @contextmanager
    def full(self) -> Iterator[None]:
        """What is large finds no room any more; what is small does, still."""
        with psycopg.connect(self.url, autocommit=True) as inside:
            inside.execute(
                "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                "RAISE EXCEPTION 'could not extend file: No space left on device' "
                "USING ERRCODE = 'disk_full'; END $$"
            )
            inside.execute(
                f"CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON {EMPLOYEES} "
                "EXECUTE FUNCTION full_disk()"
            )
            yield
            inside.execute("DROP FUNCTION full_disk CASCADE")

    def cut(self, *, idle: bool) -> int:
        """Cut the program's connections, or only those that are within a transaction; gives how many."""
        with psycopg.connect(self.server.url, autocommit=True) as admin:
            found = admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = %s AND application_name = 'syncer' AND (%s OR state <> 'idle')",
                (self.name, idle),
            )
            return len(found.fetchall())


@pytest.fixture
def postgres(own_server: EmbeddedServer) -> Postgres:
    name = f"syncer_test_{uuid.uuid4().hex}"
    with psycopg.connect(own_server.url, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}" TEMPLATE template0'.encode())
    return Postgres(own_server, name)


def test_a_service_on_postgresql_lives_through_everything(serve: Serve, postgres: Postgres) -> None:
    serving = Serving(serve(make_environment(integrations=2, records=300)), Mirror(postgres.url))
    serving.live_through(postgres.stopped, can_be_read=False)
    serving.live_through(postgres.full, can_be_read=True)
    serving.live_through(postgres.read_only, can_be_read=True)
    # Cut again and again, in the middle of what it writes.
    before = serving.told()
    for _ in range(15):
        serving.change()
        until(lambda: postgres.cut(idle=False), "a transaction")
    serving.catch_up()
    until(serving.is_well, "the end of it")
    told = serving.told()[len(before) :]
    assert told == ["database_unavailable", "database_back"] * (len(told) // 2)
    assert 2 <= len(told) <= 2 * 15
    serving.end_in(postgres.stopped)


# -- SQLite --------------------------------------------------------------------------------------------------


@dataclass
class File:
    """A SQLite file in a directory of its own, and its troubles."""

    path: Path

    @property
    def url(self) -> str:
        return f"sqlite:///{self.path}"

    @property
    def parts(self) -> list[Path]:
        return [self.path, *self.path.parent.glob(f"{self.path.name}-*")]

    @contextmanager
    def full(self, pid: int, size: int | None = None) -> Iterator[None]:
        """No file of that process's grows beyond a size in bytes (by default: the mirror's own) any more.

        What fits into the files that are there is written, still.
        """
        # Connected until the end: who is the last to close empties the log, and has room without a limit.
        with closing(sqlite3.connect(self.path, timeout=PATIENCE)) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size or self.path.stat().st_size, most))
            yield
            # A process that has ended has no limits.
            with suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, most))

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """Whoever opens it from now on can only read it."""
        parts = [*self.parts, self.path.parent]
        before = {part: part.stat().st_mode for part in parts}
        for part in parts:
            part.chmod(before[part] & ~0o222)
        yield
        for part in parts:
            part.chmod(before[part])

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Somebody has it open, and does nothing."""
        with closing(sqlite3.connect(self.path, isolation_level=None)) as other:
            other.execute(f"SELECT COUNT(*) FROM {EMPLOYEES}").fetchone()
            yield

    @contextmanager
    def read(self) -> Iterator[None]:
        """Somebody reads it, and comes to no end."""
        with closing(sqlite3.connect(self.path, isolation_level=None)) as other:
            other.execute("BEGIN")
            other.execute(f"SELECT COUNT(*) FROM {EMPLOYEES}").fetchone()
            yield


@pytest.fixture
def file(tmp_path: Path) -> File:
    directory = tmp_path / "mirror"
    directory.mkdir()
    return File(directory / "mirror.db")


def test_a_service_on_sqlite_lives_through_everything(serve: Serve, file: File) -> None:
    serving = Serving(serve(make_environment(integrations=2, records=300)), Mirror(file.url))
    pid = serving.service.process.pid
    # Who only reads keeps nobody from writing.
    with file.read():
        serving.change()
        serving.catch_up()
    assert serving.told() == []
    serving.live_through(lambda: locked(file.url), can_be_read=True)
    serving.live_through(lambda: file.full(pid), can_be_read=True)

    @contextmanager
    def fallen_back() -> Iterator[None]:
        # What is open stays writable until it fails: the one trouble begins before the other ends.
        with ExitStack() as stays:
            # Otherwise a command reads it only where the service happens to have it open just then.
            stays.enter_context(file.opened())
            with file.full(pid):
                serving.change()
                until(lambda: serving.service.events("database_unavailable")[2:], "the first trouble")
                stays.enter_context(file.read_only())
                until(lambda: "readonly database" in serving.status()["database"], "the second trouble")
            yield

    serving.live_through(fallen_back, can_be_read=True)
    serving.end_in(lambda: locked(file.url))


#: Opens a file that can only be read with several connections at once, and writes when it is told to.
OPENED_READ_ONLY = """
import sys
from contextlib import ExitStack
from sqlalchemy import text
from syncer.domain.errors import DatabaseUnavailable
from syncer.store.db.database import Database

database = Database(sys.argv[1])
with ExitStack() as readers:
    for _ in range(4):
        connection = readers.enter_context(database.read())
        connection.scalar(text("SELECT COUNT(*) FROM noted"))
    print("read", flush=True)
sys.stdin.readline()
for _ in range(3):
    try:
        with database.begin() as connection:
            connection.execute(text("INSERT INTO noted VALUES ('kept')"))
        print("written", flush=True)
    except DatabaseUnavailable as error:
        print(error, flush=True)
"""


def test_one_error_is_enough_to_write_a_file_that_could_only_be_read_for_a_while(file: File) -> None:
    with closing(sqlite3.connect(file.path, isolation_level=None)) as other:
        # Somebody has it open, so that the write-ahead log stays.
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("CREATE TABLE noted (name TEXT)")
        with (
            file.read_only(),
            subprocess.Popen(
                [sys.executable, "-c", OPENED_READ_ONLY, file.url],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                encoding="utf-8",
                preexec_fn=_obey_permissions,
            ) as program,
        ):
            assert program.stdout is not None
            assert program.stdout.readline() == "read\n"
            for path in (file.path.parent, *file.parts):
                path.chmod(path.stat().st_mode | 0o200)
            told, _ = program.communicate("\n", PATIENCE)
    first, *rest = told.splitlines()
    assert "readonly database" in first
    assert rest == ["written", "written"]


# -- commands ------------------------------------------------------------------------------------------------


@dataclass
class Once(Held):
    """Commands that do the same once."""

    def backfill_meets(self, trouble: Callable[[Service], AbstractContextManager[object]]) -> None:
        """A backfill that has stored a few pages meets a trouble, and says so; trouble is told which."""
        command = self.start("backfill")
        reached, met = threading.Event(), threading.Event()
        asked_for = 0

        def hold(asked: RequestInfo) -> None:
            nonlocal asked_for
            asked_for += asked.model is not None
            if asked_for > 6:
                reached.set()
                met.wait(PATIENCE)

        self.source.environment.between_pages = hold
        try:
            until(lambda: reached.is_set() or command.process.poll() is not None, "a few pages")
            assert reached.is_set(), command.lines
            with trouble(command):
                self.source.environment.between_pages = None
                met.set()
                assert_one_sentence(command.end(), command)
        finally:
            met.set()
        assert not self.has_caught_up()

    def finish(self) -> None:
        """The next one goes on to the end."""
        command = self.start("backfill")
        assert (command.end(), command.lines) == (0, [])
        self.check()


def test_a_backfill_on_postgresql_that_meets_a_trouble_says_so_and_the_next_one_goes_on(
    serve: Serve, postgres: Postgres
) -> None:
    once = Once(serve(make_environment(integrations=2, records=1_000)), Mirror(postgres.url))

    @contextmanager
    def cut_off(command: Service) -> Iterator[None]:
        def cut_until_it_ends() -> None:
            while command.process.poll() is None:
                postgres.cut(idle=False)

        cutting = threading.Thread(target=cut_until_it_ends)
        cutting.start()
        yield
        cutting.join()

    once.backfill_meets(cut_off)
    once.backfill_meets(lambda _: postgres.full())
    once.backfill_meets(lambda _: postgres.read_only())
    once.backfill_meets(lambda _: postgres.stopped())
    once.finish()


def test_a_backfill_on_sqlite_that_meets_a_trouble_says_so_and_the_next_one_goes_on(
    serve: Serve, file: File
) -> None:
    once = Once(serve(make_environment(integrations=2, records=600)), Mirror(file.url))
    once.backfill_meets(lambda _: locked(file.url))
    once.backfill_meets(lambda command: file.full(command.process.pid, size=1))
    with file.read_only():
        command = once.start("backfill")
        assert_one_sentence(command.end(), command)
    once.finish()
