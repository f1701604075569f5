"""How long people and monitoring wait at scale: 1,000 integrations with all 35 models each.

    python -m benchmarks.many_streams                             SQLite
    python -m benchmarks.many_streams --database postgresql       an embedded PostgreSQL

Fills a database with 35,000 streams, of which two in a hundred are in trouble, and times whole commands in
processes of their own, and the pages of a service. Median of so many rounds each, in seconds; of commands
those of the processor, too, which hardly depend on what else the machine does.
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
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path

import httpx
from sqlalchemy import case, func, update

from benchmarks.servers import postgresql
from syncer.app import App
from syncer.config.loading import load_settings
from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.stream_key import StreamKey
from syncer.store.schema.mirror_tables import integrations, streams

COMMANDS = ("--version", "status", "status --all", "status --json", "plan", "check", "integrations list")
PATHS = ("/", "/?integration=tool:7", "/status", "/healthz", "/readyz", "/metrics")
KEY = "bench"
#: Seconds after which no answer is one that was kept.
PAUSE = 6.0


def configuration(url: str, number: int, port: int) -> str:
    """A configuration with so many integrations."""
    listed = "\n".join(f'[[integrations]]\nid = "tool:{each}"' for each in range(number))
    return f"""
[kombo]
api_key = "{KEY}"
base_url = "http://127.0.0.1:9/v1"
[database]
url = "{url}"
[web]
port = {port}
{listed}
"""


def fill(file: Path) -> int:
    """Make the streams: all of them read a minute ago, two in a hundred failed since for four reasons."""
    app = App(load_settings(file))
    app.open_database(may_create=True)
    app.selection.follow_config()
    with app.database.begin() as connection:
        now = app.database.now(connection)
        connection.execute(
            update(integrations).values(checked_at=now, state="ready", tool="Tool", status="ACTIVE")
        )
        rows = app.selection.integrations.all(connection)
        keys = {StreamKey(row.id, model) for row in rows for model in catalogue()}
        app.streams.select(connection, keys)
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
    app.database.close()
    return len(keys)


def timed(rounds: int, run: Callable[[], object]) -> float:
    """Median of the seconds that it takes."""
    passed = []
    for _ in range(rounds):
        began = time.perf_counter()
        run()
        passed.append(time.perf_counter() - began)
    return statistics.median(passed)


def measure_commands(directory: Path, rounds: int) -> Iterator[tuple[str, float, float]]:
    """Time each command in a process of its own: its seconds, and those of the processor."""
    for command in COMMANDS:
        arguments = [sys.executable, "-m", "syncer", *command.split()]
        run = partial(
            subprocess.run,
            arguments,
            cwd=directory,
            stdout=subprocess.DEVNULL,
            # Nobody answers there, which `check` says after all that it looks at in the database.
            stderr=subprocess.DEVNULL,
        )
        worked: list[float] = []

        def measured(run: Callable[[], object] = run, worked: list[float] = worked) -> None:
            before = _children_seconds()
            run()
            worked.append(_children_seconds() - before)

        yield f"syncer {command}", timed(rounds, measured), statistics.median(worked)


def _children_seconds() -> float:
    times = os.times()
    return times.children_user + times.children_system


def measure_pages(directory: Path, port: int, rounds: int) -> Iterator[tuple[str, float]]:
    """Time each page of a service that waits for Kombo."""
    environ = {**os.environ, "SYNCER_LOG__LEVEL": "ERROR"}
    with subprocess.Popen(
        [sys.executable, "-m", "syncer", "run"], cwd=directory, env=environ, stderr=subprocess.DEVNULL
    ) as service:
        try:
            base = f"http://127.0.0.1:{port}"
            with httpx.Client(base_url=base, timeout=120, trust_env=False) as client:
                while True:
                    with suppress(httpx.TransportError):
                        if client.get("/healthz").status_code < 600:
                            break
                    time.sleep(0.2)
                for path in PATHS:

                    def fresh(path: str = path) -> None:
                        # What requests share is not what is measured.
                        time.sleep(PAUSE)
                        client.get(path)

                    if client.get(path).status_code == 200:
                        yield path, timed(rounds, fresh) - PAUSE
        finally:
            service.terminate()


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--integrations", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    given = parser.parse_args()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = f"sqlite:///{directory}/many.db"
        if given.database == "postgresql":
            url = stack.enter_context(postgresql())
        with socket.create_server(("127.0.0.1", 0)) as free:
            port: int = free.getsockname()[1]
        file = directory / "config.toml"
        file.write_text(configuration(url, given.integrations, port), encoding="utf-8")
        file.chmod(0o600)
        print(f"{given.database}: {fill(file):,} streams", flush=True)
        for name, seconds, worked in measure_commands(directory, given.rounds):
            print(f"{name:28} {seconds:6.2f} s {worked:6.2f} s of the processor", flush=True)
        for name, seconds in measure_pages(directory, port, given.rounds):
            print(f"GET {name:24} {seconds:6.2f} s", flush=True)


if __name__ == "__main__":
    main()
