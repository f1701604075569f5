"""How long people and monitoring wait at scale: 1,000 integrations with all 35 models each.

    python -m benchmarks.many_streams                             SQLite
    python -m benchmarks.many_streams --database postgresql       an embedded PostgreSQL
    python -m benchmarks.many_streams --only /metrics /readyz     these commands and pages alone

Fills a database with 35,000 streams, of which two in a hundred are in trouble, and times whole commands in
processes of their own, and the pages of a service. Median of so many rounds each, in seconds; and those of
the processor, which depend less on what else the machine does. Before them the start of Python with the three
libraries that nearly all commands need: the least that one can take. Kombo is served, so that ``check`` gets
an answer; the compiled files of the program are there, as pip makes them.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import httpx
from sqlalchemy import Connection, case, func, update

from benchmarks.servers import compiled_once, page_server, postgresql
from benchmarks.services import processor_seconds
from syncer.app import App
from syncer.config.loading import load_settings
from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.stream_key import StreamKey
from syncer.store.schema.mirror_tables import integrations, streams
from tests.support.alone import alone

COMMANDS = ("--version", "status", "status --all", "status --json", "plan", "check", "integrations list")
PATHS = (
    "/",
    "/?show=trouble",
    "/integrations/tool:7",
    "/integrations/tool:7/hris_employees",
    "/status",
    "/healthz",
    "/readyz",
    "/metrics",
)
#: What nearly all commands import.
LIBRARIES = "import sqlalchemy, httpx, pydantic"
KEY = "bench"
#: Seconds after which no answer is one that was kept.
PAUSE = 6.0


def configuration(url: str, number: int, port: int, kombo: str) -> str:
    """A configuration with so many integrations."""
    listed = "\n".join(f'[[integrations]]\nid = "tool:{each}"' for each in range(number))
    return f"""
[kombo]
api_key = "{KEY}"
base_url = "{kombo}"
[database]
url = "{url}"
[web]
port = {port}
{listed}
"""


def fill(file: Path) -> int:
    """Make the streams, all of them read a minute ago."""
    app = App(load_settings(file))
    app.open_database(may_create=True)
    with app.database.begin() as connection:
        now = app.database.now(connection)
        connection.execute(
            update(integrations).values(checked_at=now, state="ready", tool="Tool", status="ACTIVE")
        )
        rows = alone(app).selection.integrations.all(connection)
        keys = {StreamKey(row.id, model) for row in rows for model in catalogue()}
        alone(app).streams.select(connection, keys)
        read_a_minute_ago(connection, now)
    app.database.close()
    return len(keys)


def read_a_minute_ago(connection: Connection, now: datetime) -> None:
    """Have all streams been read a minute ago, two in a hundred failed since for four reasons."""
    failed = streams.c.rows_live % 50 == 0
    connection.execute(
        update(streams).values(
            rows_live=func.length(streams.c.model) * 7 + func.length(streams.c.integration_id) * 3
        )
    )
    connection.execute(
        update(streams).values(
            state=case((failed, "failed"), else_="complete"),
            last_outcome=case((failed, "failed"), else_="complete"),
            last_error=case((failed, "Kombo answered HTTP 503."), else_=None),
            complete_at=now - timedelta(minutes=1),
            watermark=now - timedelta(minutes=1),
            last_full_walk_at=now - timedelta(days=1),
            last_run_at=now,
            scheduled_at=now,
            watched=86_400.0,
        )
    )


def timed(rounds: int, run: Callable[[], object]) -> float:
    """Median of the seconds that it takes."""
    passed = []
    for _ in range(rounds):
        began = time.perf_counter()
        run()
        passed.append(time.perf_counter() - began)
    return statistics.median(passed)


def measure_commands(
    directory: Path, rounds: int, commands: Sequence[str]
) -> Iterator[tuple[str, float, float]]:
    """Time the libraries and each command in a process of its own: seconds, and those of the processor."""
    started = {f"python -c '{LIBRARIES}'": ["-c", LIBRARIES]}
    started |= {f"syncer {command}": ["-m", "syncer", *command.split()] for command in commands}
    for name, arguments in started.items():
        run = partial(
            subprocess.run,
            [sys.executable, *arguments],
            cwd=directory,
            env=compiled_once(),
            stdout=subprocess.DEVNULL,
            # Some streams are in trouble, of which a command tells there.
            stderr=subprocess.DEVNULL,
        )
        # The first one compiles.
        run()
        worked: list[float] = []

        def measured(run: Callable[[], object] = run, worked: list[float] = worked) -> None:
            before = _children_seconds()
            run()
            worked.append(_children_seconds() - before)

        yield name, timed(rounds, measured), statistics.median(worked)


def _children_seconds() -> float:
    times = os.times()
    return times.children_user + times.children_system


@contextmanager
def serving(directory: Path, port: int) -> Iterator[tuple[int, httpx.Client]]:
    """Run a service that waits for Kombo while the block runs; give its process and a client of its pages."""
    environ = {**os.environ, "SYNCER_LOG__LEVEL": "ERROR"}
    with subprocess.Popen(
        [sys.executable, "-m", "syncer", "run"], cwd=directory, env=environ, stderr=subprocess.DEVNULL
    ) as service:
        try:
            base = f"http://127.0.0.1:{port}"
            with httpx.Client(base_url=base, timeout=120, trust_env=False) as client:
                while True:
                    with suppress(httpx.TransportError):
                        if client.get("/readyz").json()["checks"]["scheduler"]:
                            break
                    time.sleep(0.2)
                yield service.pid, client
        finally:
            service.terminate()


@contextmanager
def filled(database: str, number: int) -> Iterator[tuple[Path, int]]:
    """Fill a database of that kind; give the folder with its configuration, and the port of its pages."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = f"sqlite:///{directory}/many.db"
        if database == "postgresql":
            url = stack.enter_context(postgresql())
        with socket.create_server(("127.0.0.1", 0)) as free:
            port: int = free.getsockname()[1]
        kombo = stack.enter_context(page_server(0)).base_url
        file = directory / "config.toml"
        file.write_text(configuration(url, number, port, kombo), encoding="utf-8")
        file.chmod(0o600)
        print(f"{database}: {fill(file):,} streams", flush=True)
        yield directory, port


def measure_pages(
    directory: Path, port: int, rounds: int, paths: Sequence[str]
) -> Iterator[tuple[str, float, float]]:
    """Time each page of a service, and what it costs the service's process."""
    with serving(directory, port) as (process, client):
        for path in paths:
            costs = list[float]()

            def fresh(path: str = path, costs: list[float] = costs) -> None:
                # What requests share is not what is measured.
                time.sleep(PAUSE)
                before = processor_seconds(process)
                client.get(path)
                costs.append(processor_seconds(process) - before)

            if client.get(path).status_code == 200:
                yield path, timed(rounds, fresh) - PAUSE, statistics.median(costs)


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--integrations", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", metavar="COMMAND_OR_PATH")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    given = parser.parse_args()
    with filled(given.database, given.integrations) as (directory, port):
        only: list[str] = given.only or [*COMMANDS, *PATHS]
        commands = [each for each in COMMANDS if each in only]
        paths = [each for each in PATHS if each in only]
        for name, seconds, cost in measure_commands(directory, given.rounds, commands):
            print(f"{name:48} {seconds:6.2f} s, {cost:.2f} s of the processor", flush=True)
        for name, seconds, cost in measure_pages(directory, port, given.rounds, paths):
            print(f"GET {name:44} {seconds:6.2f} s, {cost:.2f} s of the processor", flush=True)


if __name__ == "__main__":
    main()
