"""Measure how long a change takes from the database to a receiver: posts of a running service.

    python -m benchmarks.deliveries                two minutes
    python -m benchmarks.deliveries --seconds 60   for so long in each case

The service is a process of its own. *Its own* changes are those of a simulated company that it mirrors, one
every 50 ms, polled each second; the time counts from the change's `at`, which lies within its transaction.
*Another process's* changes are committed here, one every 50 ms; the time counts from the end of the commit.
The receiver answers at once.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median, quantiles

from sqlalchemy import Connection, func, insert, select, update

from benchmarks.servers import empty_database, postgresql
from syncer.simulator.clock import SimClock
from syncer.simulator.life.random_change import random_change
from syncer.simulator.server.environment import Environment
from syncer.simulator.server.limit import RateLimit
from syncer.simulator.server.serve import running_in_thread
from syncer.store.db.database import Database
from syncer.store.records.feed import CHANNEL
from syncer.store.schema.mirror_tables import changes, feed
from syncer.store.state.consumers import read_consumer

SECRET = "whsec_" + "YmVuY2htYXJrcyBkZWxpdmVyIGFzIHdlbGwh"
#: Seconds between two changes.
PAUSE = 0.05
#: Integration of the changes that are written here.
BESIDE = "beside:it"


@dataclass
class Arrivals:
    """What came: sequence and time of the change, and of its arrival, in seconds since the epoch."""

    own: list[float] = field(default_factory=list)
    beside: dict[int, float] = field(default_factory=dict)


class _Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    arrivals: Arrivals

    def do_POST(self) -> None:
        now = time.time()
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        for change in body["data"]["changes"]:
            if change["integration_id"] == BESIDE:
                self.arrivals.beside[change["sequence"]] = now
            else:
                self.arrivals.own.append(now - datetime.fromisoformat(change["at"]).timestamp())
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


@contextmanager
def receiving() -> Iterator[tuple[str, Arrivals]]:
    """Receive in a thread; the address and what came."""
    arrivals = Arrivals()
    handler = type("_Bound", (_Receiver,), {"arrivals": arrivals})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/", arrivals
        finally:
            server.shutdown()
            thread.join()


def measure(name: str, database_url: str, *, notify: bool, seconds: float) -> None:
    """Print the times of one database."""
    environment = Environment.example(
        SimClock(lambda: datetime.now(UTC)), records=300, limit=RateLimit(time.monotonic, limit=1_000_000)
    )
    with running_in_thread(environment) as base_url, receiving() as (url, arrivals):
        settings = {
            "SYNCER_KOMBO__BASE_URL": base_url,
            "SYNCER_KOMBO__API_KEY": environment.api_key,
            "SYNCER_INTEGRATIONS": json.dumps([{"id": each} for each in environment.integrations]),
            "SYNCER_DATABASE__URL": database_url,
            "SYNCER_SYNC__EVERY": "1s",
            "SYNCER_WEB__ENABLED": "false",
            "SYNCER_CHANGES__MODELS": '["*"]',
            "SYNCER_CHANGES__NOTIFY": json.dumps(notify),
            "SYNCER_DELIVERIES": json.dumps([{"name": "bench", "url": url, "secret": SECRET}]),
        }
        environ = {**os.environ, **settings}
        for command in ("migrate", "backfill"):
            run = [sys.executable, "-m", "syncer", command]
            subprocess.run(run, env=environ, check=True, stdout=subprocess.DEVNULL)
        run = [sys.executable, "-m", "syncer", "run"]
        service = subprocess.Popen(run, env=environ, stderr=subprocess.DEVNULL)
        database = Database(database_url)
        try:
            while not _has_begun(database):
                time.sleep(0.1)
            rng, company = random.Random(7), next(iter(environment.companies.values()))
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                random_change(company, rng)
                time.sleep(PAUSE)
            time.sleep(3)
            report(f"{name}, its own changes", arrivals.own)
            committed: dict[int, float] = {}
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                with database.begin() as connection:
                    sequence = _tell(connection, notify)
                committed[sequence] = time.time()
                time.sleep(PAUSE)
            time.sleep(3)
            beside = [arrivals.beside[each] - at for each, at in committed.items() if each in arrivals.beside]
            assert len(beside) == len(committed), f"{len(committed) - len(beside)} did not arrive"
            report(f"{name}, another process's changes", beside)
        finally:
            service.terminate()
            service.wait()
            database.close()


def _has_begun(database: Database) -> bool:
    with database.read() as connection:
        return read_consumer(connection, "bench") is not None


def _tell(connection: Connection, notify: bool) -> int:
    sequence: int = connection.execute(
        update(feed).values(newest=feed.c.newest + 1).returning(feed.c.newest)
    ).scalar_one()
    row = {
        "sequence": sequence,
        "at": datetime.now(UTC),
        "environment": "default",
        "integration_id": BESIDE,
        "model": "hris_employees",
        "record_id": "one",
        "operation": "created",
        "members": None,
    }
    connection.execute(insert(changes), row)
    if notify:
        connection.execute(select(func.pg_notify(CHANNEL, str(sequence))))
    return sequence


def report(name: str, lags: list[float]) -> None:
    """Print one line."""
    milliseconds = [1000 * each for each in lags]
    p99 = quantiles(milliseconds, n=100)[98]
    print(
        f"{name:<48} {len(lags):6,} changes   median {median(milliseconds):5.0f} ms   "
        f"p99 {p99:5.0f} ms   longest {max(milliseconds):5.0f} ms",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="for how long in each case")
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as folder:
        measure("SQLite", f"sqlite:///{Path(folder) / 'mirror.db'}", notify=False, seconds=seconds)
    with postgresql() as server:
        for notify in (False, True):
            with empty_database(server, f"notify_{notify}".lower()) as url:
                measure(f"PostgreSQL{', notify' if notify else ''}", url, notify=notify, seconds=seconds)


if __name__ == "__main__":
    main()
