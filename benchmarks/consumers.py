"""What it takes to read the change feed: a page of it, the time from commit to reader, memory.

    python -m benchmarks.consumers                             SQLite
    python -m benchmarks.consumers --database postgresql       an embedded PostgreSQL, with notifications

A feed of ``--changes`` rows that end at number 10,000,000. *Pages*: ``GET /changes`` of 500 in the middle and
at the end, from the service's web server in a process of its own. *Lag*: a transaction with one change every
20 to 60 ms, written by the process of the web server and by another one, read by ``syncer changes --follow``
and as server-sent events; from before the commit to the reader's having the line. *Memory*: the greatest of
``syncer changes`` and of the web server after a tenth of ``--followed`` changes, and after all of them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import structlog
from sqlalchemy import text

from benchmarks.servers import ROOT, postgresql
from benchmarks.services import processor_seconds
from syncer.app import App
from syncer.config.settings import Settings
from syncer.daemon.feed_watch import FeedWatch
from syncer.daemon.web.server import listening, serving_pages
from syncer.store.db.database import Database
from syncer.store.records.feed import CHANNEL
from syncer.store.schema import migrate as schema
from tests.support.feed_rows import tell_changes

NEWEST = 10_000_000
PAGES, EVENTS = 200, 500
EVENT_STREAM = {"Accept": "text/event-stream"}


def settings(url: str) -> dict[str, str]:
    """A service whose feed is on, as environment variables."""
    notify = str(url.startswith("postgresql")).lower()
    return {
        "SYNCER_DATABASE__URL": url,
        "SYNCER_CHANGES__MODELS": '["*"]',
        "SYNCER_CHANGES__NOTIFY": notify,
    }


def fill(database: Database, number: int) -> None:
    """Make a feed of so many changes."""
    first = NEWEST - number + 1
    numbers = (
        f"WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {NEWEST})"
        " SELECT i FROM n"
        if database.is_sqlite
        else f"SELECT i FROM generate_series({first}, {NEWEST}) AS n(i)"
    )
    at = "'2026-06-15T08:30:00.000000Z'" if database.is_sqlite else "now()"
    members = "'[\"work_email\"]'" if database.is_sqlite else "'[\"work_email\"]'::jsonb"
    with database.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO mirror_changes (sequence, at, environment, integration_id, model, record_id,"
                f" operation, members) SELECT i, {at}, 'default', 'personio:8d1hpPsbjxUkoCoa1veLZGe5',"
                f" 'hris_employees', '26vafvWSRmbhNcxJYqjC' || (i % 9999), 'updated', {members}"
                f" FROM ({numbers}) AS numbers"
            )
        )
        connection.execute(text(f"UPDATE sync_feed SET newest = {NEWEST}, dropped = {NEWEST - number}"))


class Writer:
    """Writer of transactions with one change, which notes the time before each commit by its number."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.times: dict[int, float] = {}

    def write(self, number: int) -> None:
        """Write so many."""
        for _ in range(number):
            time.sleep(random.uniform(0.02, 0.06))
            with self.database.begin() as connection:
                [sequence] = tell_changes(connection, ["26vafvWSRmbhNcxJYqjCzuJg"])
                if not self.database.is_sqlite:
                    connection.execute(
                        text("SELECT pg_notify(:channel, :number)"),
                        {"channel": CHANNEL, "number": str(sequence)},
                    )
                self.times[sequence] = time.monotonic()


async def serve(url: str) -> None:
    """Be the service's web server, and write changes for each line on standard input."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    made = Settings.model_validate(
        {
            "database": {"url": url},
            "changes": {"models": ["*"], "notify": url.startswith("postgresql")},
            "web": {"port": 0},
        }
    )
    async with App(made) as app:
        watch = FeedWatch(app.database, listens=made.changes.notify)
        with listening(made.web) as listener:
            assert listener is not None
            print(listener.getsockname()[1], flush=True)

            def work() -> None:
                for line in sys.stdin:
                    writer = Writer(app.database)
                    writer.write(int(line))
                    print(json.dumps(writer.times), flush=True)

            threading.Thread(target=work, daemon=True).start()
            async with serving_pages(app, listener, watch=watch):
                await watch.run(app.stopping)


@contextmanager
def server(url: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The web server in a process of its own, and its address."""
    command = [sys.executable, "-m", "benchmarks.consumers", "--serve", url]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process, f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()


def pages(address: str, pid: int, number: int) -> None:
    """Time pages of 500, by the clock and by the processor time of the web server."""
    with httpx.Client(base_url=address) as client:
        for name, after in (("in the middle", NEWEST - number // 2), ("at the end", NEWEST - 500)):
            seconds, before = [], processor_seconds(pid)
            for _ in range(PAGES):
                begun = time.perf_counter()
                found = client.get("/changes", params={"after": after}).json()
                seconds.append(time.perf_counter() - begun)
                assert len(found["changes"]) == 500
            cost = (processor_seconds(pid) - before) * 1000 / PAGES
            print(f"page of 500 {name:<14} {shown(seconds)}   processor {cost:.1f} ms", flush=True)


def shown(seconds: list[float]) -> str:
    """The median, and the values that one in twenty, one in a hundred and none exceeds."""
    ordered = sorted(each * 1000 for each in seconds)
    at = [ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.95, 0.99, 1)]
    return "median {:6.1f}   p95 {:6.1f}   p99 {:6.1f}   greatest {:6.1f} ms".format(*at)


def lag(url: str, process: subprocess.Popen[str], address: str) -> None:
    """Time the way of changes from their writers to their readers."""
    database = Database(url)
    for writer_name, write in (("service", in_service(process)), ("other", in_here(database))):
        for reader_name, begin in (("line", read_lines(url)), ("event", read_events(address))):
            with database.begin() as connection:
                # Who has read this one reads on.
                [first] = tell_changes(connection, ["26vafvWSRmbhNcxJYqjCzuJg"])
            arrived: dict[int, float] = {}
            ready = threading.Event()
            reader = threading.Thread(target=collect, args=(begin(first - 1), arrived, ready))
            reader.start()
            ready.wait()
            written = write()
            reader.join()
            seconds = [arrived[number] - at for number, at in written.items()]
            print(f"written by {writer_name:<8} to {reader_name:<6} {shown(seconds)}", flush=True)
    database.close()


def in_service(process: subprocess.Popen[str]) -> Callable[[], dict[int, float]]:
    """Write in the process of the web server."""

    def write() -> dict[int, float]:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{EVENTS}\n")
        process.stdin.flush()
        return {int(number): at for number, at in json.loads(process.stdout.readline()).items()}

    return write


def in_here(database: Database) -> Callable[[], dict[int, float]]:
    """Write in a process of its own."""

    def write() -> dict[int, float]:
        writer = Writer(database)
        writer.write(EVENTS)
        return writer.times

    return write


Begin = Callable[[int], Iterator[str]]


def collect(changes: Iterator[str], arrived: dict[int, float], ready: threading.Event) -> None:
    """Note when each change arrives; ready: the first one, which is not counted, has arrived."""
    next(changes)
    ready.set()
    for change in changes:
        now = time.monotonic()
        arrived[json.loads(change)["sequence"]] = now
        if len(arrived) == EVENTS:
            return


def read_lines(url: str) -> Begin:
    """Read lines of the command."""

    def begin(after: int) -> Iterator[str]:
        with follow(url, "--after", str(after), "--follow") as command:
            assert command.stdout is not None
            yield from command.stdout

    return begin


def read_events(address: str) -> Begin:
    """Read server-sent events."""

    def begin(after: int) -> Iterator[str]:
        with httpx.stream("GET", f"{address}/changes?after={after}", headers=EVENT_STREAM) as answer:
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    yield line[6:]

    return begin


@contextmanager
def follow(url: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """``syncer changes`` as a process."""
    command = [sys.executable, "-m", "syncer", "changes", "--json", *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **settings(url)}, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def memory(url: str, process: subprocess.Popen[str], address: str, number: int) -> None:
    """Follow so many changes; tell the greatest memory on the way."""
    after = str(NEWEST - number)
    with follow(url, "--after", after, "--follow") as command:
        assert command.stdout is not None
        tell_memory("command", command.pid, number, command.stdout)
    with httpx.stream("GET", f"{address}/changes?after={after}", headers=EVENT_STREAM) as answer:
        events = (line for line in answer.iter_lines() if line.startswith("data"))
        tell_memory("web server", process.pid, number, events)


def tell_memory(name: str, pid: int, number: int, changes: Iterator[str]) -> None:
    """Count changes, and print the memory after a tenth and after all of them."""
    begun = time.perf_counter()
    found = []
    for count, _ in enumerate(changes, 1):
        if count in (number // 10, number):
            found.append(peak_mb(pid))
        if count == number:
            break
    seconds = time.perf_counter() - begun
    print(f"{name:<12} {number:,} changes in {seconds:.0f} s, greatest memory {found[0]} then {found[1]} MB")


def peak_mb(pid: int) -> int:
    """The greatest memory of a process so far."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    [kib] = [line.split()[1] for line in lines if line.startswith("VmHWM")]
    return int(kib) // 1024


def main() -> None:
    """Measure one database."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--changes", type=int, default=NEWEST, help="rows of the feed")
    parser.add_argument("--followed", type=int, default=1_000_000, help="changes that are followed")
    parser.add_argument("--serve", metavar="URL", help="be the web server; for this program itself")
    arguments = parser.parse_args()
    if arguments.serve:
        asyncio.run(serve(arguments.serve))
        return
    with ExitStack() as stack:
        if arguments.database == "sqlite":
            url = f"sqlite:///{stack.enter_context(tempfile.TemporaryDirectory())}/mirror.db"
        else:
            url = stack.enter_context(postgresql())
        database = Database(url)
        schema.migrate(database, may_create=True)
        fill(database, arguments.changes)
        database.close()
        process, address = stack.enter_context(server(url))
        pages(address, process.pid, arguments.changes)
        lag(url, process, address)
        memory(url, process, address, arguments.followed)


if __name__ == "__main__":
    main()
