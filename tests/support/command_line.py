"""The command line as its users have it: arguments and settings in, exit code and output out.

``run`` calls what the program's ``main`` calls, in this process: that is fast. ``spawn`` and ``start`` begin
a process, where signals, pipes and terminals matter. Plugin of pytest.
"""

from __future__ import annotations

import fcntl
import io
import json
import os
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from syncer.cli import call
from syncer.cli.session import Session
from tests.support.environment import without_settings
from tests.support.log_setup import logging_put_back
from tests.support.processes import SYNCER
from tests.support.waiting import PATIENCE

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
        self.capsys.readouterr()
        with logging_put_back(), self.monkeypatch.context() as patch:
            patch.chdir(self.directory)
            patch.setattr(sys, "stdin", io.StringIO(text))
            for name, value in {**self.settings, **settings}.items():
                patch.setenv(name, value)
            try:
                code = call(Session(), list(arguments))
            except SystemExit as end:
                # Completion ends the process.
                code = int(end.code or 0)
        return Ran(code, *self.capsys.readouterr())

    def spawn(self, *arguments: str, **settings: str) -> Ran:
        """Run a command in a process of its own, to its end."""
        done = subprocess.run(
            [*SYNCER, *arguments],
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
            [*SYNCER, *arguments],
            cwd=self.directory,
            env=self.environ({"PYTHONUNBUFFERED": "1", **settings}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        self.started.append(command)
        return command

    def on_terminal(
        self,
        *arguments: str,
        width: int = 120,
        typed: str = "",
        answers: Sequence[tuple[str, str]] = (),
        **settings: str,
    ) -> Ran:
        """Run a command in a process of its own on a terminal; out is all that appeared there.

        typed: at once; answers: questions in their order, and what is typed once each has appeared.
        """
        ours, its = os.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
        with subprocess.Popen(
            [*SYNCER, *arguments],
            cwd=self.directory,
            env=self.environ({"TERM": "xterm-256color", **settings}),
            stdin=its,
            stdout=its,
            stderr=its,
            start_new_session=True,
        ) as command:
            os.close(its)
            os.write(ours, typed.encode())
            shown, seen, left = bytearray(), 0, list(answers)
            # Reading fails once nobody has the terminal any more.
            with suppress(OSError):
                while chunk := os.read(ours, 65536):
                    shown += chunk
                    if left and (place := shown.find(left[0][0].encode(), seen)) >= 0:
                        seen = place + len(left[0][0])
                        os.write(ours, f"{left.pop(0)[1]}\n".encode())
            os.close(ours)
        return Ran(command.returncode, shown.decode(), "")

    def environ(self, settings: Mapping[str, str] = {}) -> dict[str, str]:
        """Give the environment of a command: ours without settings, then these."""
        return {**without_settings(), **self.settings, **settings}


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
