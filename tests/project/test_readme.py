"""Every command of the README is executed, in its order, as a reader would."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Timer

import pytest

from syncer.cli import group
from syncer.simulator.clock import SimClock
from syncer.simulator.company.company import Company
from syncer.simulator.server.environment import Environment
from syncer.simulator.server.limit import RateLimit
from syncer.simulator.server.serve import running_in_thread

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
#: Seconds after which a command that says nothing more is taken to hang.
PATIENCE = 120


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


@pytest.mark.slow
def test_make_demo_fills_a_mirror_and_its_three_queries_work_in_a_second_terminal(
    tmp_path: Path, environ: dict[str, str], started: list[subprocess.Popen[str]]
) -> None:
    assert commands(None) == ["make demo"]
    program, said = start(f"make demo DIRECTORY={tmp_path}", ROOT, environ, started, until="Ctrl-C ends it.")
    queries = re.findall(r"^  (\S+syncer --config \S+ query '.*?')", said, flags=re.MULTILINE | re.DOTALL)
    assert len(queries) == 3
    for query in queries:
        assert len(finish(query, ROOT, environ).splitlines()) > 1
    read(program, until="mirror  ")
    assert "The demo has ended" in end(program)


@pytest.mark.slow
def test_the_fake_api_can_be_mirrored_as_described(
    tmp_path: Path, environ: dict[str, str], started: list[subprocess.Popen[str]]
) -> None:
    simulate, *rest = commands("Try it against the fake API")
    program, _ = start(simulate, tmp_path, environ, started, until="Ctrl-C ends it.")
    for command in rest:
        if command.startswith("export "):
            name, _, value = command.removeprefix("export ").partition("=")
            environ[name] = value
        else:
            said = finish(command, tmp_path, environ)
            if " query " in command:
                assert len(said.splitlines()) == 6
    end(program)
    assert program.returncode == 0


@pytest.mark.slow
def test_the_service_starts_as_described(
    tmp_path: Path, environ: dict[str, str], started: list[subprocess.Popen[str]]
) -> None:
    clock = SimClock(lambda: datetime.now(UTC))
    export, migrate, add, check, run = commands("Use it with your Kombo environment")
    name, _, key = export.removeprefix("export ").partition("=")
    environment = Environment(clock, api_key=key, limit=RateLimit(time.monotonic))
    environment.add(Company(add.split()[-1], clock, records=300))
    with running_in_thread(environment) as base_url:
        environ |= {name: key, "SYNCER_KOMBO__BASE_URL": base_url, "SYNCER_WEB__PORT": "0"}
        finish(migrate, tmp_path, environ)
        finish(add, tmp_path, environ)
        finish(check, tmp_path, environ)
        program, _ = start(run, tmp_path, environ, started, until="run_ended")
        end(program)
    assert program.returncode == 0


def test_the_other_commands_are_there() -> None:
    assert commands("Install") == ["pip install ."]
    for command in commands("Read on"):
        done = subprocess.run(
            [*shlex.split(command), "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert done.stdout


def test_every_command_of_the_table_exists_and_no_other_is_missing() -> None:
    named = {
        name
        for row in re.findall(r"^\| (`.+?) \|", README, flags=re.MULTILINE)
        for name in re.findall(r"`(\w+)`", row)
    }
    assert named == set(group.commands)


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "SECURITY.md", "RELEASING.md"])
def test_every_file_and_target_that_a_document_names_exists(document: str) -> None:
    text = (ROOT / document).read_text()
    links = re.findall(r"\]\((?!http)([^)#]+)\)", text)
    paths = re.findall(r"`(?:\.venv/bin/pytest .*?)?((?:syncer|tests|docs)/[a-z_/.]+)[ `]", text)
    assert [target for target in [*links, *paths] if not (ROOT / target).exists()] == []
    makefile = (ROOT / "Makefile").read_text()
    commands = re.findall(r"(?:`|\$ )(make [a-z -]+)", text)
    targets = {target for command in commands for target in command.split()[1:]}
    assert targets - set(re.findall(r"^([a-z-]+):", makefile, flags=re.MULTILINE)) == set()
