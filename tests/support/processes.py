"""The installed program as a process: services on a simulated Kombo that is served by HTTP.

Plugin of pytest.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from syncer.simulator.server.environment import Environment
from syncer.simulator.server.serve import running_in_thread
from tests.support.environment import without_settings
from tests.support.source import Source
from tests.support.waiting import PATIENCE, until

#: How the program is started.
SYNCER = (sys.executable, "-m", "syncer")


@dataclass
class Service:
    """A running process of the program; what it writes to stderr is collected line by line."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)
    _events: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr:
            self.lines.extend(self.process.stderr)

    def events(self, name: str | None = None) -> list[dict[str, Any]]:
        """Give what it has logged so far; a line that is no JSON fails the test."""
        self._events.extend(json.loads(line) for line in self.lines[len(self._events) :])
        return [event for event in self._events if name in (None, event["event"])]

    def wait_for(self, name: str, **fields: Any) -> dict[str, Any]:
        """Wait for its first event of that name with these fields."""

        def found() -> dict[str, Any] | None:
            for event in self.events(name):
                if fields.items() <= event.items():
                    return event
            assert self.process.poll() is None, f"it ended before {name}: {self.lines}"
            return None

        return until(found, name) or {}

    def send(self, number: int) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def end(self) -> int:
        """Wait for its end; give the exit code."""
        code = self.process.wait(PATIENCE)
        self._reader.join()
        return code

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; give the exit code."""
        self.send(number)
        return self.end()


@dataclass
class ServedSource(Source):
    """A simulated Kombo that is being served, with the processes that were started on it.

    directory: where they work.
    """

    directory: Path
    started: list[Service] = field(default_factory=list)

    def start(self, database_url: str, **settings: str) -> Service:
        """Start a service. settings: more of them, as environment variables."""
        return self.start_program((*SYNCER, "run"), {**self.settings(database_url), **settings})

    def start_program(
        self,
        command: Sequence[str],
        settings: Mapping[str, str],
        *,
        preexec_fn: Callable[[], None] | None = None,
    ) -> Service:
        """Start a command with nothing but these settings; it ends with the test at the latest."""
        process = subprocess.Popen(
            command,
            cwd=self.directory,
            env={**without_settings(), **settings},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            preexec_fn=preexec_fn,
        )
        self.started.append(Service(process))
        return self.started[-1]


Serve: TypeAlias = Callable[[Environment], ServedSource]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Serves a simulated Kombo until the test ends, and ends the processes that it started."""
    with ExitStack() as served:
        sources: list[ServedSource] = []

        def serve(environment: Environment) -> ServedSource:
            base_url = served.enter_context(running_in_thread(environment))
            sources.append(ServedSource(environment, base_url, tmp_path))
            return sources[-1]

        yield serve
        for source in sources:
            # What a test has scripted must not keep the simulator from ending.
            source.environment.faults.clear()
            for service in source.started:
                service.process.kill()
                service.end()
