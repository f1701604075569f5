"""A fleet of two schedulers and three workers on four environments, whose processes are killed at random."""

from __future__ import annotations

import json
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from syncer.simulator.clock import SimClock
from syncer.simulator.server.environment import Environment
from syncer.simulator.server.limit import RateLimit
from syncer.store.db.database import Database
from syncer.store.schema import migrate as schema
from tests.support.mirror import Mirror
from tests.support.processes import SYNCER, Serve, ServedSource, Service
from tests.support.source import MODELS
from tests.support.waiting import until

#: What each of the five does, by its place.
COMMANDS = ("run", "run", "worker", "worker", "worker")
#: Requests that each key has in a window of three seconds.
LIMITS = {"default": 20, "eu": 30, "us": 40, "ca": 60}
WINDOW = 3.0
KILLS = 4
CHANGED = "hris_employees"
ROLES = "SELECT owner, role FROM sync_processes"
ENDED_WELL = "SELECT environment FROM sync_runs WHERE outcome = 'complete'"


@pytest.fixture
def database(postgres_url: str) -> Iterator[Database]:
    """A migrated database."""
    with closing(Database(postgres_url)) as database:
        schema.migrate(database)
        yield database


@pytest.fixture
def sources(serve: Serve) -> dict[str, ServedSource]:
    return {
        name: serve(
            Environment.example(
                SimClock(lambda: datetime.now(UTC)),
                seed=limit,
                integrations=1,
                records=60,
                api_key=f"ks_dev_key-of-{name}",
                limit=RateLimit(time.monotonic, limit=limit, window=WINDOW),
            )
        )
        for name, limit in LIMITS.items()
    }


def settings_of(sources: dict[str, ServedSource], database_url: str) -> dict[str, str]:
    environments = {
        name: {"api_key": each.environment.api_key, "base_url": each.base_url}
        for name, each in sources.items()
        if name != "default"
    }
    integrations = [
        {"id": id, "environment": name}
        for name, each in sources.items()
        for id in each.environment.integrations
    ]
    return {
        **sources["default"].settings(database_url),
        "SYNCER_ENVIRONMENTS": json.dumps(environments),
        "SYNCER_INTEGRATIONS": json.dumps(integrations),
        "SYNCER_WORKERS__ENGINE": "procrastinate",
        "SYNCER_SYNC__EVERY": "1s",
        "SYNCER_SYNC__LEASE": "4s",
        "SYNCER_SYNC__CONCURRENCY": "2",
    }


def test_a_fleet_whose_processes_are_killed_converges_and_runs_no_stream_twice_at_once(
    sources: dict[str, ServedSource], postgres_url: str, database: Database
) -> None:
    mirror, rng = Mirror(postgres_url), Random(11)
    settings, starter = settings_of(sources, postgres_url), sources["default"]
    roles: dict[str, str] = {}

    def start(command: str) -> Service:
        return starter.start_program((*SYNCER, command), settings)

    def completed() -> Counter[str]:
        """Runs that have ended well, by environment."""
        with database.read() as connection:
            roles.update({row[0]: row[1] for row in connection.exec_driver_sql(ROLES)})
            return Counter(connection.exec_driver_sql(ENDED_WELL).scalars())

    def change() -> None:
        for each in sources.values():
            for company in each.environment.companies.values():
                company.update(CHANGED, rng.choice(company.ids(CHANGED)), first_name=str(rng.random()))

    def wait_for_a_run_of_each() -> None:
        # None of them waits for another.
        before = completed()
        until(lambda: all(completed()[name] > before[name] for name in LIMITS), "a run of each environment")

    processes = [start(command) for command in COMMANDS]
    wait_for_a_run_of_each()
    for _ in range(KILLS):
        change()
        place = rng.randrange(len(COMMANDS))
        assert processes[place].stop(signal.SIGKILL) == -signal.SIGKILL
        processes[place] = start(COMMANDS[place])
        wait_for_a_run_of_each()
    change()
    until(lambda: all(mirror.equals_source(each.environment) for each in sources.values()), "equality")
    for process, command in zip(processes, COMMANDS, strict=True):
        process.wait_for("service_started" if command == "run" else "worker_started")
        process.send(signal.SIGTERM)
    assert [process.end() for process in processes] == [0] * len(processes)

    assert {name: each.environment.limit.refused for name, each in sources.items()} == dict.fromkeys(
        LIMITS, 0
    )
    runs = mirror.fetch(
        "SELECT integration_id, model, owner, started_at, ended_at FROM sync_runs ORDER BY 1, 2, started_at"
    )
    assert {roles.get(each.owner, "worker") for each in runs} == {"worker"}
    streams: dict[tuple[str, str], list[Any]] = {}
    for each in runs:
        streams.setdefault((each.integration_id, each.model), []).append(each)
    assert len(streams) == len(LIMITS) * len(MODELS)
    for (integration, model), of_stream in streams.items():
        assert all(
            before.ended_at is None or before.ended_at <= after.started_at
            for before, after in pairwise(of_stream)
        )
        # Each lease was one run, and none was taken away from a runner that lived.
        fence = mirror.fetch(
            f"SELECT fence FROM sync_streams WHERE model = '{model}' AND integration_id = '{integration}'"
        )
        assert fence == [(len(of_stream),)]
    # Nothing is left but what waits.
    assert {row[0] for row in mirror.fetch("SELECT status::text FROM procrastinate.procrastinate_jobs")} <= {
        "todo"
    }
