"""Several processes on one database: each stream has one runner, and who was away too long cannot write.

Their clocks are Python's. The leases, the budget and every time that is kept come from the database's clock
instead: a server has its own, and SQLite asks the host that all its users are on. So it is Python's clock
alone that is wrong here; a difference between a host and a server is the same thing, seen from the host.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import make_url, select, update

from syncer.simulator.server.environment import Environment
from syncer.simulator.server.faults import Late, Match
from syncer.store.schema.mirror_tables import MIRROR, budgets, runs, streams
from tests.reliability.fork_server import ForkServer, RunningProcess
from tests.reliability.killed_programs import LOST, MODELS, Mirrored, Subject
from tests.support.mirror import Mirror
from tests.support.processes import Serve
from tests.support.source import make_environment
from tests.support.waiting import until

EMPLOYEES = "hris_employees"
#: Long enough for a process that gets little of the machine's time to renew it.
LEASE = timedelta(seconds=60)
HOUR = timedelta(hours=1)
AHEAD, BEHIND, RIGHT = 3 * HOUR, -3 * HOUR, timedelta(0)


@pytest.fixture
def ready(migrated_url: str) -> Mirror:
    """A migrated database of both kinds, without a row."""
    return Mirror(migrated_url)


@dataclass
class Held:
    """An answer that the simulator keeps back."""

    environment: Environment
    asked: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def hold(self, page: int) -> None:
        """Keep back what answers the next request for this page of the employees."""
        self.environment.sleep = self._wait
        self.environment.faults.add(Match(model=EMPLOYEES, page=page), Late(0))

    async def _wait(self, _: float) -> None:
        self.asked.set()
        await asyncio.to_thread(self.released.wait)


@pytest.fixture
def held(serve: Serve) -> Iterator[Held]:
    """A company that is served, and what keeps its answers back; at the end nothing is kept any more."""
    held = Held(make_environment(records=300))
    yield held
    held.released.set()


def lease(mirror: Mirror) -> tuple[timedelta | None, int]:
    """For how long the lease on the employees still holds, by the database's clock, and its fence."""
    with mirror.open() as (database, connection):
        row = connection.execute(select(streams).where(streams.c.model == EMPLOYEES)).one()
        now = database.now(connection)
    return row.lease_until and row.lease_until - now, row.fence


def end_leases(mirror: Mirror) -> None:
    """Have all leases end now, as they do at their time where nobody renews them."""
    with mirror.open() as (database, connection):
        ended = database.now(connection) - timedelta(seconds=1)
        connection.execute(
            update(streams).where(streams.c.lease_until.is_not(None)).values(lease_until=ended)
        )


def stop(process: RunningProcess, mirror: Mirror) -> None:
    """Stop a process, but not within a transaction: those would wait for it that wait for its locks."""

    def has_stopped() -> bool:
        process.send(signal.SIGSTOP)
        state = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]
        if state == "T" and is_free(mirror):
            return True
        process.send(signal.SIGCONT)
        return False

    until(has_stopped, "a stop")


def is_free(mirror: Mirror) -> bool:
    """Whether nobody is within a transaction that writes."""
    address = make_url(mirror.database_url)
    if address.get_backend_name() == "postgresql":
        [(busy,)] = mirror.fetch(
            "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND state <> 'idle'"
        )
        return not busy
    with closing(sqlite3.connect(address.database or "", timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        connection.execute("ROLLBACK")
    return True


def name_all(mirrored: Mirrored, name: str) -> None:
    """Give every employee this name."""
    company = mirrored.source.environment.companies[mirrored.integration]
    for id in company.ids(EMPLOYEES):
        company.update(EMPLOYEES, id, first_name=name)


def log_of(process: RunningProcess) -> list[dict[str, Any]]:
    """Read what a process has logged so far."""
    lines = process.fork_server.log.read_text().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("\n")]


# -- sharing the work ----------------------------------------------------------------------------------------


def test_two_services_and_a_backfill_share_the_streams_of_a_source_that_changes(
    serve: Serve, fork_servers: list[ForkServer], ready: Mirror
) -> None:
    source = serve(make_environment(records=300))
    [(integration, company)] = source.environment.companies.items()
    mirrored = Mirrored(source, integration, ready)
    settings = {
        "SYNCER_KOMBO__PAGE_SIZE": "4",
        "SYNCER_SYNC__EVERY": "1s",
        # While one has a stream, the other one is free for somebody else.
        "SYNCER_SYNC__CONCURRENCY": "1",
    }
    subjects = [Subject(each, mirrored, settings) for each in fork_servers]
    *services, once = [
        subject.begin(command) for subject, command in zip(subjects, ("run", "run", "backfill"), strict=True)
    ]
    rng = Random(5)

    def both_have_worked() -> bool:
        company.update(EMPLOYEES, rng.choice(company.ids(EMPLOYEES)), first_name=str(rng.random()))
        found = ready.fetch("SELECT DISTINCT owner FROM sync_runs WHERE outcome = 'complete'")
        pids = {owner.split("/")[3] for (owner,) in found}
        return pids >= {str(service.pid) for service in services}

    # One of them is busy for longer than an interval: what comes round meanwhile is for the other one.
    source.environment.faults.add(Match(model=EMPLOYEES), Late(0.5), None)
    until(both_have_worked, "work by both services")
    source.environment.faults.clear()
    once.end().well()
    for service in services:
        service.send(signal.SIGTERM)
        service.end().well()
    # The first may have a walk to finish that a service has left.
    for _ in range(2):
        subjects[2].begin("sync").end().well()
    # Told to end, a service may drop the two pages that it had ahead.
    look = mirrored.check(lost=2 * len(services))

    for model in MODELS:
        runs = ready.fetch(
            "SELECT CAST(started_at AS TEXT), CAST(ended_at AS TEXT) FROM sync_runs "
            f"WHERE model = '{model}' ORDER BY started_at"
        )
        assert all(before[1] <= after[0] for before, after in pairwise(runs))
        # Each lease was one run: nobody has lost one.
        [(fence,)] = ready.fetch(f"SELECT fence FROM sync_streams WHERE model = '{model}'")
        assert fence == len(runs)
        assert look.said[model]["created"] == len(look.rows[model])


# -- away for too long ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "clock", "other_clock"),
    [
        pytest.param("backfill", RIGHT, RIGHT, id="backfill"),
        pytest.param("run", RIGHT, RIGHT, id="service"),
        pytest.param("backfill", AHEAD, BEHIND, id="backfill-ahead"),
        pytest.param("backfill", BEHIND, AHEAD, id="backfill-behind"),
    ],
)
def test_a_process_that_was_stopped_for_longer_than_its_lease_cannot_write(
    serve: Serve,
    fork_servers: list[ForkServer],
    ready: Mirror,
    held: Held,
    command: str,
    clock: timedelta,
    other_clock: timedelta,
) -> None:
    began = datetime.now(UTC)
    source = serve(held.environment)
    mirrored = Mirrored(source, next(iter(held.environment.integrations)), ready)
    settings = {
        "SYNCER_KOMBO__PAGE_SIZE": "4",
        "SYNCER_SYNC__LEASE": f"{LEASE.total_seconds():g}s",
        "SYNCER_SYNC__EVERY": "1h",
        "SYNCER_LOG__FORMAT": "json",
    }
    sleeper, other = (Subject(each, mirrored, settings) for each in fork_servers[:2])

    # Two pages are stored, and the third is asked for.
    held.hold(page=3)
    sleeping = sleeper.begin(command, skew=clock)
    until(held.asked.is_set, "the request")
    until(
        lambda: ready.fetch(f"SELECT 1 FROM sync_streams WHERE model = '{EMPLOYEES}' AND walk_pages = 2"),
        "two",
    )
    left, fence = lease(ready)
    assert left is not None
    assert timedelta(0) < left <= LEASE
    if clock != other_clock:
        # It is slow, but there: whatever its clock or ours says. For how long somebody waits for it hangs on
        # the lease that he would take himself.
        impatient = replace(other, changes={**settings, "SYNCER_SYNC__LEASE": "2s"})
        assert impatient.begin("backfill", skew=other_clock).end().code == 1
        assert lease(ready)[1] == fence

    # It is stopped, and the answer arrives all the same; then the source changes.
    stop(sleeping, ready)
    before = len(held.environment.asked_for(EMPLOYEES))
    held.released.set()
    until(lambda: len(held.environment.asked_for(EMPLOYEES)) > before, "the answer")
    name_all(mirrored, "Newer")
    end_leases(ready)
    for each in ("backfill", "sync"):
        other.begin(each, skew=other_clock).end().well()
    assert lease(ready)[1] == fence + 2
    # The answer that the sleeper has not read is lost.
    newer = mirrored.check(lost=LOST)
    check_times(ready, began)

    sleeping.send(signal.SIGCONT)
    until(lambda: [each for each in log_of(sleeping) if each.get("outcome") == "busy"], "its awakening")
    if command == "run":
        sleeping.send(signal.SIGTERM)
    assert sleeping.end().code == 0
    # It had the next two pages fetched, while it was to write this one.
    after = mirrored.look()
    assert after.asked[EMPLOYEES] <= newer.asked[EMPLOYEES] + 2
    assert replace(after, asked=newer.asked) == newer


def check_times(mirror: Mirror, began: datetime) -> None:
    """Every time that is kept is the database's or Kombo's, both of which are right here."""
    with mirror.read() as connection:
        times = [
            *connection.execute(
                select(streams.c.watermark, streams.c.complete_at, streams.c.last_full_walk_at)
            ),
            *connection.execute(select(streams.c.last_run_at)),
            *connection.execute(select(runs.c.started_at)),
            *connection.execute(select(MIRROR[EMPLOYEES].c.mirrored_at)),
        ]
        [window_ends] = connection.execute(select(budgets.c.ends_at)).scalars()
    until_now = datetime.now(UTC)
    # A watermark is in whole seconds.
    assert all(began - timedelta(seconds=2) <= each <= until_now for row in times for each in row)
    assert began.timestamp() <= window_ends <= until_now.timestamp() + 61


# -- clocks --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
def test_services_on_hosts_whose_clocks_are_hours_apart_keep_one_schedule(
    serve: Serve, fork_servers: list[ForkServer], ready: Mirror
) -> None:
    began = datetime.now(UTC)
    source = serve(make_environment(records=300))
    environment = source.environment
    mirrored = Mirrored(source, next(iter(environment.integrations)), ready)
    right, ahead, behind = (Subject(each, mirrored, {"SYNCER_SYNC__EVERY": "1h"}) for each in fork_servers)

    def key_checks() -> int:
        return sum("check-api-key" in each.path for each in list(environment.requests))

    def scheduled() -> list[datetime]:
        with ready.read() as connection:
            return [row[0] for row in connection.execute(select(streams.c.scheduled_at))]

    def begin(subject: Subject, skew: timedelta) -> RunningProcess:
        """Start a service, and wait until it has looked for what was due: it asks about its key then."""
        asked = key_checks()
        service = subject.begin("run", skew=skew)
        until(lambda: key_checks() > asked, "its first tick")
        return service

    def complete_runs() -> int:
        return len(ready.fetch("SELECT 1 FROM sync_runs WHERE outcome = 'complete'"))

    def pass_an_hour() -> None:
        earlier = min(scheduled()) - HOUR
        with ready.open() as (_, connection):
            connection.execute(update(streams).values(scheduled_at=earlier))

    services = [begin(ahead, AHEAD)]
    until(lambda: complete_runs() == len(MODELS), "the first runs")
    pass_an_hour()
    services.append(begin(behind, BEHIND))
    until(lambda: complete_runs() == 2 * len(MODELS), "the runs of the next hour")
    before = scheduled()
    services.append(begin(right, RIGHT))
    assert scheduled() == before
    assert all(began < each <= datetime.now(UTC) for each in before)
    assert ready.fetch("SELECT count(*) FROM sync_runs") == [(2 * len(MODELS),)]
    # Each tells of itself by the clock that all share: nobody looks as if it were silent.
    silent = "SELECT 1 FROM sync_processes WHERE abs(extract(epoch FROM now() - heartbeat_at)) > 120"
    assert ready.fetch(silent) == []
    for service in services:
        service.send(signal.SIGTERM)
        service.end().well()
    check_times(ready, began)
    mirrored.check(lost=2 * len(services))


def test_processes_whose_clocks_differ_share_one_budget(
    serve: Serve, fork_servers: list[ForkServer], ready: Mirror
) -> None:
    source = serve(make_environment(integrations=2, records=300, limit=30))
    source.environment.limit.window = 2.0
    subjects = [
        Subject(fork_server, Mirrored(source, integration, ready), {"SYNCER_KOMBO__PAGE_SIZE": "1"})
        for fork_server, integration in zip(fork_servers, source.environment.integrations, strict=False)
    ]
    # Both integrations are everybody's, so that nobody takes the other's away.
    for subject in subjects:
        subject.changes["SYNCER_INTEGRATIONS"] = json.dumps(
            [{"id": each} for each in source.environment.integrations]
        )
    processes = [
        subject.begin("backfill", skew=skew) for subject, skew in zip(subjects, (AHEAD, BEHIND), strict=True)
    ]
    for process in processes:
        process.end().well()
    for subject in subjects:
        subject.check()
    # More than a window holds, and nobody was told to wait.
    assert len(source.environment.requests) > source.environment.limit.limit
    assert source.environment.limit.refused == 0
