"""Room that a mirror takes: disk, WAL, memory and connections, of a first load and of what follows.

``python -m benchmarks.sizing [--records N]`` mirrors a made-up company of all models on both databases, and
prints a table for docs/operations.md. A minute with 10,000 records.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from syncer.simulator.clock import SimClock
from syncer.simulator.server.environment import Environment
from syncer.simulator.server.limit import RateLimit
from syncer.simulator.server.serve import running_in_thread
from tests.support import postgres
from tests.support.environment import without_settings

MB = 1_000_000
#: Seconds between two looks at the connections.
LOOK_EVERY = 0.05


@dataclass
class Server:
    """A server of PostgreSQL, and the most connections to it that were seen."""

    url: str
    most: int = 0

    def ask(self, question: str) -> int:
        """Ask for one number."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            [row] = connection.execute(question.encode()).fetchall()
        return int(row[0])

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Count the connections of others while the block runs."""
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(LOOK_EVERY):
                count = self.ask(
                    "SELECT count(*) FROM pg_stat_activity "
                    "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
                )
                self.most = max(self.most, count)

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def run(command: str, settings: dict[str, str]) -> tuple[float, float]:
    """Run a command of the program; give its seconds, and its peak memory in MB."""
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "syncer", command],
        env={**without_settings(), **settings},
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    assert os.waitstatus_to_exitcode(status) in (0, 1), f"{command} has failed"
    return time.monotonic() - began, usage.ru_maxrss * 1024 / MB


def measure_sqlite(settings: dict[str, str], folder: Path) -> None:
    file = folder / "mirror.db"
    settings = {**settings, "SYNCER_DATABASE__URL": f"sqlite:///{file}"}
    for command in ("backfill", "sync"):
        seconds, memory = run(command, settings)
        wal = file.with_name(file.name + "-wal")
        size = file.stat().st_size + (wal.stat().st_size if wal.exists() else 0)
        print(f"| SQLite | {command} | {seconds:.1f} | {memory:.0f} | {size / MB:.1f} | | |")


def measure_postgresql(settings: dict[str, str]) -> None:
    with postgres.running("max_connections = 50\n") as embedded:
        server = Server(embedded.url)
        settings = {**settings, "SYNCER_DATABASE__URL": embedded.url}
        for command in ("backfill", "sync"):
            before = server.ask("SELECT pg_current_wal_insert_lsn() - '0/0'")
            server.most = 0
            with server.watched():
                seconds, memory = run(command, settings)
            wal = server.ask("SELECT pg_current_wal_insert_lsn() - '0/0'") - before
            size = server.ask("SELECT pg_database_size(current_database())")
            print(
                f"| PostgreSQL | {command} | {seconds:.1f} | {memory:.0f} | {size / MB:.1f} "
                f"| {wal / MB:.1f} | {server.most} |"
            )


def main() -> None:
    """Measure both databases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=10_000, help="of the company")
    records = parser.parse_args().records
    environment = Environment.example(
        SimClock(lambda: datetime.now(UTC)),
        integrations=1,
        records=records,
        limit=RateLimit(time.monotonic, limit=1_000_000),
    )
    [company] = environment.companies.values()
    with running_in_thread(environment) as base_url, tempfile.TemporaryDirectory() as folder:
        settings = {
            "SYNCER_KOMBO__BASE_URL": base_url,
            "SYNCER_KOMBO__API_KEY": environment.api_key,
            "SYNCER_INTEGRATIONS": json.dumps([{"id": each} for each in environment.integrations]),
        }
        print(f"{company.count():,} records of all models\n")
        print("| database | command | s | peak MB | database MB | WAL MB | connections |")
        print("|---|---|---|---|---|---|---|")
        measure_sqlite(settings, Path(folder))
        measure_postgresql(settings)


if __name__ == "__main__":
    main()
