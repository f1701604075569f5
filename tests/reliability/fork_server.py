"""Processes of the program that end by SIGKILL at a chosen instant, cheap enough for many of them.

The program takes a second to start, most of it for imports. So a fork server (``forking_program.py``) imports
it once and forks a child for every command.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from tests.reliability import forking_program
from tests.reliability.forking_program import PATIENCE
from tests.support.environment import without_settings


@dataclass(frozen=True, slots=True)
class KillPoint:
    """The instant at which a process shall end.

    commit: at the boundary of a transaction that has this number; each commit has two, directly before it is
    carried out and directly after. statement: before the SQL statement of this number, so within a
    transaction. seconds: after so long, wherever it is. stops: it is not killed there but stopped (not for
    seconds), and goes on after SIGCONT.
    """

    kind: Literal["commit", "statement", "seconds"]
    at: float
    stops: bool = False


@dataclass(frozen=True, slots=True)
class EndedProcess:
    """A process that has ended.

    killed: by SIGKILL. code: its exit code otherwise. commits: boundaries of transactions it reached,
    statements: SQL statements it began; seconds: how long it lived. said: what it wrote.
    """

    killed: bool
    code: int | None
    commits: int
    statements: int
    seconds: float
    said: str = ""

    def well(self) -> EndedProcess:
        """Give back this process, which must have come to a good end."""
        assert self.code == 0, f"killed: {self.killed}, exit code: {self.code}\n{self.said}"
        return self


@dataclass
class ForkServer:
    """Starts processes of the program, one at a time. log: where the present one writes."""

    process: subprocess.Popen[str]
    log: Path
    present: RunningProcess | None = None

    def run(
        self, *arguments: str, kill_point: KillPoint | None = None, settings: Mapping[str, str] = {}
    ) -> EndedProcess:
        """Run ``syncer`` with these arguments to its end, which comes at the kill point if there is one."""
        return self.begin(*arguments, kill_point=kill_point, settings=settings).end()

    def begin(
        self,
        *arguments: str,
        kill_point: KillPoint | None = None,
        settings: Mapping[str, str] = {},
        skew: timedelta = timedelta(0),
    ) -> RunningProcess:
        """Start ``syncer``; skew: how far Python's clock is ahead of the host's in it."""
        assert self.process.stdin is not None
        order = {
            "arguments": arguments,
            "settings": dict(settings),
            "kill_point": kill_point and asdict(kill_point),
            "skew": skew.total_seconds(),
            "log": str(self.log),
        }
        print(json.dumps(order), file=self.process.stdin, flush=True)
        self.present = RunningProcess(self, self.answer())
        return self.present

    def clear(self) -> None:
        """End what a failed test has left."""
        if self.present is not None and self.present.ended is None:
            with suppress(ProcessLookupError):
                self.present.send(signal.SIGKILL)
            self.present.end()

    def answer(self) -> Any:
        """Read what the fork server says next."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the fork server has ended; its own message stands above"
        return json.loads(line)


@dataclass
class RunningProcess:
    """A process that goes on."""

    fork_server: ForkServer
    pid: int
    ended: EndedProcess | None = None

    def send(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def end(self) -> EndedProcess:
        """Wait for its end."""
        if self.ended is None:
            ended = EndedProcess(**self.fork_server.answer())
            said = self.fork_server.log.read_text()
            assert ended.seconds < PATIENCE, f"a process came to no end:\n{said}"
            self.ended = replace(ended, said=said)
        return self.ended


@contextmanager
def fork_server(directory: Path) -> Iterator[ForkServer]:
    """Run a fork server whose processes work in that directory; it ends with the block."""
    with subprocess.Popen(
        [sys.executable, forking_program.__file__],
        cwd=directory,
        env=without_settings(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # Ctrl-C ends the tests, and their end ends the server.
        start_new_session=True,
    ) as process:
        yield ForkServer(process, directory / "said.txt")
