"""Several processes on one PostgreSQL: rows and streams per second, ten keys at once."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from sqlalchemy import update

from benchmarks.servers import PageServer, empty_database, page_server, postgresql
from benchmarks.services import processor_seconds
from syncer.cli import group
from syncer.domain.ratelimit.budget import Purpose
from syncer.store.db.database import Database
from syncer.store.db.due_channel import notify_due
from syncer.store.schema.mirror_tables import streams

ENGINES = ("embedded", "procrastinate")
#: Runs of all streams, after the first load, in which nothing has changed.
ROUNDS = 3
#: That the server takes: four services with ten environments have up to 84 each.
CONNECTIONS = 400
_SPAN = """
    SELECT extract(epoch FROM max(ended_at) - min(started_at)), count(*),
        sum(created + updated + unchanged)
    FROM sync_runs WHERE outcome = 'complete' AND started_at > %s
"""
#: Runs of one stream that overlap, as no two may.
_OVERLAPS = """
    SELECT count(*) FROM sync_runs a JOIN sync_runs b USING (environment, integration_id, model)
    WHERE a.id < b.id AND a.started_at < b.ended_at AND b.started_at < a.ended_at
"""


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is to read: keys, integrations of each, and records of each integration's only list."""

    keys: int
    integrations: int
    records: int

    @property
    def streams(self) -> int:
        return self.keys * self.integrations


@dataclass(frozen=True, slots=True)
class Speed:
    """Speed of some processes. cores: that they had on average in the first load, without the database's."""

    engine: str
    processes: int
    rows_a_second: float
    streams_a_second: float
    cores: float
    refused: int
    overlaps: int


def configuration(url: str, base_url: str, engine: str, size: Size) -> str:
    """Write the configuration of so many environments with so many integrations each."""
    parts = [
        f'[database]\nurl = "{url}"\n[web]\nenabled = false\n[log]\nlevel = "ERROR"',
        # What is due is said by the benchmark alone.
        '[sync]\nmodels = ["hris_employees"]\nevery = "1d"\nfull_every = "7d"',
    ]
    if engine != "embedded":
        parts.append(f'[workers]\nengine = "{engine}"')
    for key in range(size.keys):
        parts.append(f'[environments.key{key}]\napi_key = "bench{key}"\nbase_url = "{base_url}"')
        for number in range(size.integrations):
            id = f"bench:{key * size.integrations + number:024d}"
            parts.append(f'[[integrations]]\nid = "{id}"\nenvironment = "key{key}"')
    return "\n".join(parts)


def commands(engine: str, processes: int) -> list[list[str]]:
    """List the commands that work: with a queue one service schedules, and workers do the runs."""
    if engine == "embedded":
        return [["run"]] * processes
    return [["run"], *([["worker"]] * processes)]


def migrate(directory: Path) -> None:
    """Make the tables, as the configuration in this folder says."""
    command = [sys.executable, "-m", "syncer", "migrate"]
    subprocess.run(command, cwd=directory, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def working(directory: Path, each: Sequence[Sequence[str]]) -> Iterator[list[int]]:
    """Run these commands while the block runs; give their processes."""
    with ExitStack() as stack:
        started = []
        for arguments in each:
            process = subprocess.Popen([sys.executable, "-m", "syncer", *arguments], cwd=directory)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            started.append(process.pid)
        yield started


def wait_for_runs(database: psycopg.Connection, since: object, streams: int, patience: float) -> None:
    """Wait until so many streams were read to their end since then."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        row = database.execute(
            "SELECT count(DISTINCT (integration_id, model)) FROM sync_runs "
            "WHERE outcome = 'complete' AND started_at > %s",
            (since,),
        ).fetchone()
        if row is not None and row[0] >= streams:
            return
        time.sleep(0.5)
    sys.exit(f"The streams were not read within {patience:.0f} s.")


def measure(server: PageServer, url: str, engine: str, processes: int, size: Size, patience: float) -> Speed:
    """Measure one number of processes on an empty database."""
    with tempfile.TemporaryDirectory() as name, psycopg.connect(url, autocommit=True) as database:
        directory = Path(name)
        file = directory / "config.toml"
        file.write_text(configuration(url, server.base_url, engine, size), encoding="utf-8")
        file.chmod(0o600)
        migrate(directory)
        server.told()
        began, seconds, runs = _now(database), 0.0, 0
        clock = time.monotonic()
        with working(directory, commands(engine, processes)) as pids:
            wait_for_runs(database, began, size.streams, patience)
            cores = sum(map(processor_seconds, pids)) / (time.monotonic() - clock)
            first = _span(database, began)
            for _ in range(ROUNDS):
                began = _now(database)
                make_all_due(url)
                wait_for_runs(database, began, size.streams, patience)
                span = _span(database, began)
                seconds, runs = seconds + span[0], runs + span[1]
        overlaps = database.execute(_OVERLAPS).fetchone()
    assert overlaps is not None
    return Speed(
        engine,
        processes,
        first[2] / first[0],
        runs / seconds,
        cores,
        int(server.told()["refused"]),
        overlaps[0],
    )


def make_all_due(url: str) -> None:
    """Make all streams due now, and tell all processes at once, as a webhook does."""
    with closing(Database(url)) as database, database.begin() as connection:
        now = database.now(connection)
        connection.execute(update(streams).values(due_at=now, due_purpose=int(Purpose.INCREMENTAL)))
        notify_due(database, connection)


def _now(database: psycopg.Connection) -> object:
    row = database.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    return row[0]


def _span(database: psycopg.Connection, since: object) -> tuple[float, int, int]:
    """Read the seconds from the first start to the last end, and the numbers of runs and of rows."""
    row = database.execute(_SPAN, (since,)).fetchone()
    assert row is not None
    return float(row[0]), int(row[1]), int(row[2])


def speeds(size: Size, processes: Sequence[int], engines: Sequence[str], patience: float) -> Iterator[Speed]:
    """Measure each number of processes with each engine, each on a database of its own."""
    with postgresql(CONNECTIONS) as url, page_server(size.records) as server:
        for engine in engines:
            if engine != "embedded" and "worker" not in group.commands:
                print(f"{engine}: not measured, there is no command `syncer worker` here", file=sys.stderr)
                continue
            for number in processes:
                with empty_database(url, f"{engine}{number}") as own:
                    yield measure(server, own, engine, number, size, patience)


def report(size: Size, processes: Sequence[int], engines: Sequence[str], patience: float) -> None:
    """Measure, and print the table."""
    print(
        f"\n{size.keys} keys with {size.integrations} integrations each, {size.records:,} employees in each "
        f"list ({size.streams * size.records:,} rows); {os.cpu_count()} cores, on which PostgreSQL and Kombo "
        "work, too.\n"
    )
    columns = (
        "engine",
        "processes",
        "first load, rows/s",
        "unchanged, streams/s",
        "cores",
        "429s",
        "overlapping runs",
    )
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for each in speeds(size, processes, engines, patience):
        print(
            f"| {each.engine} | {each.processes} | {each.rows_a_second:,.0f} | {each.streams_a_second:,.1f} "
            f"| {each.cores:.1f} | {each.refused} | {each.overlaps} |",
            flush=True,
        )
