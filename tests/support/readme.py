"""Commands of the README, run in their order as a reader would.

Plugin of pytest.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Timer

import pytest

from tests.support.waiting import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def commands(heading: str | None) -> list[str]:
    """The commands below a heading; None: those before the first one."""
    parts = re.split(r"^## (.+)$", README, flags=re.MULTILINE)
    sections = {None: parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}
    blocks = re.findall(r"```console\n(.*?)```", sections[heading], flags=re.DOTALL)
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]


@pytest.fixture
def environ() -> dict[str, str]:
    """A shell in which the installed program is found."""
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "100"}


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    """Programs that go on until they are told to end; ended here if the test did not."""
    programs: list[subprocess.Popen[str]] = []
    yield programs
    for program in programs:
        with suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)
        program.communicate()


def start(
    command: str, directory: Path, environ: dict[str, str], started: list[subprocess.Popen[str]], until: str
) -> tuple[subprocess.Popen[str], str]:
    """Run a command that goes on; gives it and what it said until that text."""
    program = subprocess.Popen(
        shlex.split(command),
        cwd=directory,
        env={**environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # As in a terminal, Ctrl-C reaches everything that the command has started.
        start_new_session=True,
    )
    started.append(program)
    # Nobody waits for ever for a program that says nothing more.
    timer = Timer(PATIENCE, _kill, [program])
    timer.daemon = True
    timer.start()
    return program, read(program, until)


def _kill(program: subprocess.Popen[str]) -> None:
    if program.poll() is None:
        os.killpg(program.pid, signal.SIGKILL)


def read(program: subprocess.Popen[str], until: str) -> str:
    """What the program says, until that text."""
    said = ""
    assert program.stdout is not None
    while until not in said:
        line = program.stdout.readline()
        assert line, f"the command ended: {said}"
        said += line
    return said


def end(program: subprocess.Popen[str]) -> str:
    """What Ctrl-C does; gives the last words."""
    os.killpg(program.pid, signal.SIGINT)
    return program.communicate(timeout=PATIENCE)[0]


def finish(command: str, directory: Path, environ: dict[str, str]) -> str:
    """Run a command that must end well; gives what it said."""
    done = subprocess.run(
        shlex.split(command), cwd=directory, env=environ, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout
