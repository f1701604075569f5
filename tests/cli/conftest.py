"""The command line as its users have it: arguments and settings in, exit code and output out.

``run`` calls what the program's ``main`` calls, in this process: that is fast. ``spawn`` and ``start`` begin
a process, where signals, pipes and terminals matter. Kombo is simulated on a socket, databases are real.
"""

from __future__ import annotations

import fcntl
import io
import json
import logging
import os
import re
import struct
import subprocess
import sys
import termios
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import URL, NullPool, create_engine, text

from syncer.cli import call
from syncer.cli.session import Session
from syncer.simulator.clock import SimClock
from syncer.simulator.server.environment import Environment
from syncer.simulator.server.limit import RateLimit
from syncer.simulator.server.serve import running_in_thread
from syncer.store.db.database import Database
from syncer.store.schema import migrate as schema

API_KEY = "ks_dev_only-for-the-command-line"
#: Seconds that no command takes: then the test fails instead of waiting for ever.
PATIENCE = 120
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def plain(self) -> str:
        """What a terminal got, without colours and movements."""
        return ESCAPES.sub("", self.out)

    @property
    def json(self) -> Any:
        """Its output as JSON; whatever else stood there would make this fail."""
        return json.loads(self.out)


@dataclass
class Shell:
    """Runs ``syncer`` in a directory of its own with settings from the environment alone."""

    directory: Path
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    settings: dict[str, str] = field(default_factory=dict)
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def run(self, *arguments: str, text: str = "", **settings: str) -> Ran:
        """Run a command here; text is its standard input."""
        root = logging.getLogger()
        before = root.handlers, root.level
        self.capsys.readouterr()
        with self.monkeypatch.context() as patch:
            patch.chdir(self.directory)
            patch.setattr(sys, "stdin", io.StringIO(text))
            for name, value in {**self.settings, **settings}.items():
                patch.setenv(name, value)
            try:
                code = call(Session(), list(arguments))
            except SystemExit as end:
                # Completion ends the process.
                code = int(end.code or 0)
        root.handlers, root.level = before
        structlog.reset_defaults()
        return Ran(code, *self.capsys.readouterr())

    def spawn(self, *arguments: str, **settings: str) -> Ran:
        """Run a command in a process of its own, to its end."""
        done = subprocess.run(
            [sys.executable, "-m", "syncer", *arguments],
            cwd=self.directory,
            env=self.environ(settings),
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str, **settings: str) -> subprocess.Popen[str]:
        """Begin a command; whoever calls ends it."""
        command = subprocess.Popen(
            [sys.executable, "-m", "syncer", *arguments],
            cwd=self.directory,
            env=self.environ({"PYTHONUNBUFFERED": "1", **settings}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        self.started.append(command)
        return command

    def on_terminal(self, *arguments: str, width: int = 120, **settings: str) -> Ran:
        """Run a command in a process of its own on a terminal; out is all that appeared there."""
        ours, its = os.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
        with subprocess.Popen(
            [sys.executable, "-m", "syncer", *arguments],
            cwd=self.directory,
            env=self.environ({"TERM": "xterm-256color", **settings}),
            stdin=its,
            stdout=its,
            stderr=its,
            start_new_session=True,
        ) as command:
            os.close(its)
            shown = bytearray()
            # Reading fails once nobody has the terminal any more.
            with suppress(OSError):
                while chunk := os.read(ours, 65536):
                    shown += chunk
            os.close(ours)
        return Ran(command.returncode, shown.decode(), "")

    def environ(self, settings: Mapping[str, str] = {}) -> dict[str, str]:
        """The environment of a command: ours without settings, then these."""
        ours = {name: value for name, value in os.environ.items() if not name.upper().startswith("SYNCER_")}
        return {**ours, **self.settings, **settings}


@dataclass
class Source:
    """A simulated Kombo that is being served."""

    environment: Environment
    base_url: str

    @property
    def integration(self) -> str:
        """The id of its first integration."""
        return next(iter(self.environment.integrations))

    def settings(self, database_url: str) -> dict[str, str]:
        """What a program needs to mirror it."""
        return {
            "SYNCER_KOMBO__BASE_URL": self.base_url,
            "SYNCER_KOMBO__API_KEY": API_KEY,
            "SYNCER_INTEGRATIONS": json.dumps([{"id": each} for each in self.environment.integrations]),
            "SYNCER_SYNC__MODELS": json.dumps(["hris_employees", "hris_groups", "hris_locations"]),
            "SYNCER_DATABASE__URL": database_url,
        }


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Shell]:
    """The command line without any settings."""
    made = Shell(tmp_path, monkeypatch, capsys)
    yield made
    for command in made.started:
        # Only a test that failed leaves one running.
        command.kill()
        command.wait()
        for stream in (command.stdout, command.stderr):
            assert stream is not None
            stream.close()


@pytest.fixture
def source() -> Iterator[Source]:
    """One small company."""
    environment = Environment.example(
        SimClock(lambda: datetime.now(UTC)),
        integrations=1,
        records=600,
        api_key=API_KEY,
        limit=RateLimit(time.monotonic, limit=100_000),
    )
    with running_in_thread(environment) as base_url:
        yield Source(environment, base_url)


@pytest.fixture
def mirror(shell: Shell, source: Source, sqlite_url: str) -> Shell:
    """The command line, set up to mirror the company into an empty SQLite file."""
    shell.settings = source.settings(sqlite_url)
    return shell


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def tables_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database with all tables; tests that share it only read, or leave it as it was."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('tables') / 'mirror.db'}"
        _migrate(url)
        yield url
        return
    server: URL = request.getfixturevalue("postgres_server_url")
    admin = create_engine(
        server.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT", poolclass=NullPool
    )
    name = f"syncer_test_{uuid.uuid4().hex}"
    with admin.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE template0'))
    url = server.set(database=name).render_as_string(hide_password=False)
    _migrate(url)
    yield url
    with admin.connect() as connection:
        connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))


def _migrate(url: str) -> None:
    database = Database(url)
    schema.migrate(database)
    database.close()


@pytest.fixture
def asking(shell: Shell, tables_url: str) -> Shell:
    """The command line on a database with all tables; of both kinds, one after the other."""
    shell.settings = {"SYNCER_DATABASE__URL": tables_url}
    return shell
