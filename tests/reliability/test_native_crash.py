"""``kill -9`` at any commit of a run on native lists: nothing is lost or doubled, little is asked twice."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from syncer.simulator.clock import SimClock
from syncer.simulator.company.company import Company
from syncer.simulator.server.environment import Environment
from tests.reliability.database_copies import Copy
from tests.reliability.fork_server import ForkServer, KillPoint
from tests.reliability.killed_programs import LOST
from tests.support.mirror import Mirror
from tests.support.processes import Serve
from tests.support.source import API_KEY

HIBOB = "hibob:8d1hpPsbjxUkoCoa1veLZGe5"
LISTS: dict[str, dict[str, Any]] = {
    "work_history": {
        "name": "work_history",
        "tool": "hibob/v1",
        "request": {"path": "/bulk/people/work", "params": {"limit": 3}},
        "records": "results",
        "key": ["employeeId"],
        "page": {"style": "cursor", "param": "cursor", "next": "response_metadata.next_cursor"},
        "columns": {"title": {"type": "text", "path": "values[0].title"}},
    },
    "work_entries": {
        "name": "work_entries",
        "tool": "hibob/v1",
        "request": {"path": "/people/{remote_id}/work"},
        "for_each": {"table": "hris_employees_live", "param": "remote_id"},
        "records": "values",
        "key": ["for_each.remote_id", "id"],
        "columns": {"title": "text"},
    },
}


@dataclass(frozen=True)
class Look:
    """What can be seen of a list: its rows without the times of our writing, what runs counted, its state."""

    rows: list[Any]
    live: list[Any]
    counted: Any
    state: Any


def look(url: str, name: str) -> Look:
    mirror = Mirror(url)
    # Which of two rows of one key comes first says nothing.
    shown = "record_key, parent, title, deleted_by, CAST(document AS TEXT)"
    return Look(
        mirror.fetch(f"SELECT {shown} FROM {name} ORDER BY record_key"),
        mirror.fetch(f"SELECT record_key FROM {name}_live ORDER BY record_key"),
        mirror.fetch(
            "SELECT sum(created), sum(updated), sum(deleted), sum(restored), sum(pages) FROM sync_runs"
            f" WHERE model = '{name}'"
        ),
        mirror.fetch(
            "SELECT state, walk_id, rows_live, rows_deleted, full_pages FROM sync_streams"
            f" WHERE model = '{name}'"
        ),
    )


@pytest.fixture
def environment() -> Environment:
    """A company that uses HiBob. The window of the limit does not turn while a test runs."""
    environment = Environment(SimClock.frozen(datetime(2031, 3, 9, 12, tzinfo=UTC)), api_key=API_KEY)
    environment.limit.window, environment.limit.limit = 3_600, 1_000_000
    environment.add(Company(HIBOB, environment.clock, seed=7, records=300))
    return environment


# Odd steps meet both sides of a commit.
@pytest.mark.parametrize(("name", "step"), [("work_history", 9), ("work_entries", 37)])
def test_a_run_killed_at_a_commit_is_finished_by_the_next_one(
    fork_servers: list[ForkServer],
    serve: Serve,
    environment: Environment,
    migrated_url: str,
    copy: Copy,
    name: str,
    step: int,
) -> None:
    source, fork_server = serve(environment), fork_servers[0]

    def settings(url: str) -> dict[str, str]:
        return {
            **source.settings(url),
            "SYNCER_SYNC__MODELS": '["hris_employees"]',
            "SYNCER_PASSTHROUGH": json.dumps([LISTS[name]]),
        }

    def asked() -> int:
        return sum(each.call is not None for each in environment.requests)

    fork_server.run("backfill", "--model=hris_employees", settings=settings(migrated_url)).well()
    with Mirror(migrated_url).open() as (_, connection):
        connection.exec_driver_sql("DELETE FROM sync_runs")
    with copy(migrated_url) as url:
        fork_server.run("sync", f"--model={name}", settings=settings(url)).well()
        undisturbed, requests = look(url, name), asked()
    assert len(undisturbed.rows) > 5
    for boundary in count(1, step):
        before = asked()
        with copy(migrated_url) as url:
            kill_point = KillPoint("commit", boundary)
            if not fork_server.run(
                "sync", f"--model={name}", kill_point=kill_point, settings=settings(url)
            ).killed:
                break
            fork_server.run("backfill", f"--model={name}", settings=settings(url)).well()
            assert look(url, name) == undisturbed
            assert asked() - before <= requests + LOST
    assert boundary > 30
