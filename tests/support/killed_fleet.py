"""A fleet of schedulers and workers on several environments, whose processes are killed."""

from __future__ import annotations

import json
import signal
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from random import Random
from typing import Any

from sqlalchemy import Connection

from syncer.simulator.clock import SimClock
from syncer.simulator.server.environment import Environment
from syncer.simulator.server.limit import RateLimit
from syncer.store.db.database import Database
from tests.support.mirror import Mirror
from tests.support.processes import SYNCER, ServedSource, Service
from tests.support.source import MODELS
from tests.support.waiting import until

#: What each of the five does, by its place, and says once it does.
COMMANDS = ("run", "run", "worker", "worker", "worker")
STARTED = {"run": "service_started", "worker": "worker_started"}
#: Requests that each key has in a window of so many seconds.
LIMITS = {"default": 20, "eu": 30, "us": 40, "ca": 60}
WINDOW = 3.0
CHANGED = "hris_employees"

_ROLES = "SELECT owner, role FROM sync_processes"
_ENDED_WELL = "SELECT environment FROM sync_runs WHERE outcome = 'complete'"
_RUNS = """
    SELECT environment, integration_id, model, owner, started_at, ended_at FROM sync_runs
    ORDER BY environment, integration_id, model, started_at
"""
_FENCES = "SELECT environment, integration_id, model, fence FROM sync_streams"
_JOBS = "SELECT DISTINCT status::text FROM procrastinate.procrastinate_jobs"


def make_sources() -> dict[str, Environment]:
    """Make up an environment for each limit, with one small integration."""
    return {
        name: Environment.example(
            SimClock(lambda: datetime.now(UTC)),
            seed=limit,
            integrations=1,
            records=60,
            api_key=f"ks_dev_key-of-{name}",
            limit=RateLimit(time.monotonic, limit=limit, window=WINDOW),
        )
        for name, limit in LIMITS.items()
    }


@dataclass
class KilledFleet:
    """Processes on a migrated database of PostgreSQL's. sources: by the names of their environments."""

    sources: Mapping[str, ServedSource]
    database: Database
    mirror: Mirror
    rng: Random
    kills: Counter[str] = field(default_factory=Counter)
    _roles: dict[str, str] = field(default_factory=dict)
    _processes: list[Service] = field(default_factory=list)

    def begin(self) -> None:
        """Start all, and wait until each environment has had a run."""
        self._processes = [self._start(command) for command in COMMANDS]
        for process, command in zip(self._processes, COMMANDS, strict=True):
            process.wait_for(STARTED[command])
        self._wait_for_a_run_of_each()

    def kill_one(self, place: int | None = None) -> None:
        """Change something in every environment, kill a process, and start it again.

        Each environment has another run without it: none of them waits for another. place: of the process;
        None: of any.
        """
        self._change()
        if place is None:
            place = self.rng.randrange(len(COMMANDS))
        command = COMMANDS[place]
        assert self._processes[place].stop(signal.SIGKILL) == -signal.SIGKILL
        self.kills[command] += 1
        self._wait_for_a_run_of_each()
        self._processes[place] = self._start(command)
        self._processes[place].wait_for(STARTED[command])

    def end(self) -> None:
        """Wait until the mirror equals its sources, and end all in good order."""
        self._change()
        until(
            lambda: all(self.mirror.equals_source(each.environment) for each in self.sources.values()),
            "equality",
        )
        for process in self._processes:
            process.send(signal.SIGTERM)
        assert [process.end() for process in self._processes] == [0] * len(COMMANDS)

    def check(self) -> int:
        """Fail where a key got a 429, or a stream was run twice at once or by a scheduler; count the runs."""
        refused = [each.environment.limit.refused for each in self.sources.values()]
        assert refused == [0] * len(self.sources)
        runs = self.mirror.fetch(_RUNS)
        assert {self._roles.get(each.owner, "worker") for each in runs} == {"worker"}
        streams: dict[tuple[str, ...], list[Any]] = {}
        for each in runs:
            streams.setdefault(tuple(each[:3]), []).append(each)
        assert len(streams) == sum(each.streams for each in self.sources.values())
        for of_stream in streams.values():
            # One whose process was killed has no end; the next one began when its lease was free.
            assert _follow_each_other(of_stream)
        # Each lease was one run, and none was taken away from a runner that lived.
        fences = {tuple(row[:3]): row.fence for row in self.mirror.fetch(_FENCES)}
        assert fences == {key: len(of_stream) for key, of_stream in streams.items()}
        # Nothing is left in the queue but what waits.
        assert self.mirror.fetch(_JOBS) in ([], [("todo",)])
        return len(runs)

    def _start(self, command: str) -> Service:
        return next(iter(self.sources.values())).start_program((*SYNCER, command), self._settings())

    def _settings(self) -> dict[str, str]:
        environments = {
            name: {"api_key": each.environment.api_key, "base_url": each.base_url}
            for name, each in self.sources.items()
            if name != "default"
        }
        integrations = [{"id": each.integration, "environment": name} for name, each in self.sources.items()]
        return {
            **self.sources["default"].settings(self.mirror.database_url),
            "SYNCER_ENVIRONMENTS": json.dumps(environments),
            "SYNCER_INTEGRATIONS": json.dumps(integrations),
            "SYNCER_SYNC__MODELS": json.dumps(MODELS),
            "SYNCER_WORKERS__ENGINE": "procrastinate",
            "SYNCER_SYNC__EVERY": "1s",
            "SYNCER_SYNC__LEASE": "4s",
            "SYNCER_SYNC__CONCURRENCY": "2",
        }

    def _change(self) -> None:
        for each in self.sources.values():
            for company in each.environment.companies.values():
                id = self.rng.choice(company.ids(CHANGED))
                company.update(CHANGED, id, first_name=str(self.rng.random()))

    def _completed(self) -> Counter[str]:
        """Count the runs that have ended well, by environment."""

        def read(connection: Connection) -> Counter[str]:
            self._roles.update({row[0]: row[1] for row in connection.exec_driver_sql(_ROLES)})
            return Counter(connection.exec_driver_sql(_ENDED_WELL).scalars())

        with self.database.read() as connection:
            return read(connection)

    def _wait_for_a_run_of_each(self) -> None:
        before = self._completed()
        until(
            lambda: all(self._completed()[name] > before[name] for name in self.sources),
            "a run of each environment",
        )


def _follow_each_other(runs: Sequence[Any]) -> bool:
    return all(
        before.ended_at is None or before.ended_at <= after.started_at for before, after in pairwise(runs)
    )
