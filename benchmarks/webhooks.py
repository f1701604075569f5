"""Measure how soon a change that a webhook tells of is in the mirror, and how soon the webhook is answered.

    python -m benchmarks.webhooks                           both databases, four minutes
    python -m benchmarks.webhooks --database sqlite

The service is a process of its own, with a made-up Kombo over loopback; so is who sends for *answer*.

- *row*: one change after the other, each of another stream; from just before its webhook is sent until
  another connection to the database sees the row. Nobody reaches the request limit.
- *answer*: webhooks at a steady pace, from the time at which each was to be sent until it is answered; at
  first beside nothing but the runs that they cause, as far as Kombo's request limit permits these, then while
  a first load goes on that no limit slows down.
- *storm*: a thousand webhooks for one stream as fast as they are answered; the runs that they cause.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count, islice
from multiprocessing import get_context
from pathlib import Path
from statistics import median, quantiles

import httpx
from sqlalchemy import text

from benchmarks.servers import empty_database, postgresql
from benchmarks.services import running_service
from syncer.domain.catalogue.lookup import catalogue
from syncer.simulator.clock import SimClock
from syncer.simulator.company.company import Company
from syncer.simulator.server.environment import Environment
from syncer.simulator.server.limit import RateLimit
from syncer.simulator.webhooks.event import data_changed, signed_headers
from syncer.store.db.database import Database

SECRET = "benchmark-secret"
MODELS = [name for name, model in catalogue().items() if model.has_changed_at and model.webhook_name][:12]
INTEGRATIONS, RECORDS = 20, 700
#: Records of the company whose first load goes on meanwhile.
LARGE = 240_000
#: Requests in a window that nobody reaches.
UNLIMITED = 1_000_000
#: Body and headers.
Webhook = tuple[bytes, dict[str, str]]

#: Connections of whoever sends.
CONNECTIONS = 32
#: Seconds of patience, and between two looks at the row.
PATIENCE, LOOK_EVERY = 60.0, 0.002


@dataclass(frozen=True, slots=True)
class Figure:
    """Something measured, in seconds or runs. wanted: the most that it should be, of both."""

    database: str
    what: str
    middle: float
    worst: float
    wanted: tuple[float | None, float]
    unit: str = "ms"

    def shown(self) -> str:
        scale = 1000 if self.unit == "ms" else 1
        wanted = " / ".join("" if each is None else f"{each * scale:,.0f}" for each in self.wanted)
        met = self.worst <= self.wanted[1] and (self.wanted[0] is None or self.middle <= self.wanted[0])
        return (
            f"{self.database:<12}{self.what:<44}{self.middle * scale:>9,.0f}{self.worst * scale:>9,.0f} "
            f"{self.unit:<5}{wanted:>14}{'' if met else '  not met'}"
        )


class Service:
    """A service under test: its streams, and webhooks for it."""

    def __init__(self, environment: Environment, database: Database, port: int) -> None:
        self.environment = environment
        self.database = database
        self.url = f"http://127.0.0.1:{port}/webhooks/kombo"
        self._numbers = count()

    def event(self, integration_id: str, model: str) -> Webhook:
        """Make a webhook that tells of a model, with an id of its own."""
        name = catalogue()[model].webhook_name
        data = data_changed(self.environment.integrations[integration_id], [str(name)])
        event = {"id": f"event-{next(self._numbers)}", "type": "data-changed", "data": data}
        body = json.dumps(event).encode()
        return body, signed_headers(body, SECRET)

    def ask(self, statement: str, **values: object) -> object:
        """Ask the database for one value, on a connection of its own."""
        with self.database.read() as connection:
            return connection.execute(text(statement), values).scalar()

    def wait(self, statement: str, until: object) -> None:
        """Wait until the database gives that value."""
        deadline = time.monotonic() + PATIENCE * 10
        while self.ask(statement) != until:
            if time.monotonic() > deadline:
                sys.exit(f"{statement} never gave {until}")
            time.sleep(0.2)


@contextmanager
def service(url: str, environment: Environment, directory: Path) -> Iterator[Service]:
    """Run the service on a simulated Kombo until the block ends."""
    settings = {
        "SYNCER_SYNC__MODELS": json.dumps(MODELS),
        "SYNCER_SYNC__EVERY": "1h",
        "SYNCER_WEBHOOKS__SECRETS": json.dumps([SECRET]),
    }
    with running_service(url, environment, directory, settings, patience=PATIENCE) as running:
        yield Service(environment, running.database, running.port)


def rows(running: Service, number: int) -> list[float]:
    """Change so many streams, one after the other, and see when each change is in the mirror."""
    found = []
    streams = ((id, model) for model in MODELS for id in running.environment.integrations)
    with httpx.Client(trust_env=False, limits=httpx.Limits(keepalive_expiry=2.0)) as client:
        for integration_id, model in islice(streams, number):
            company = running.environment.integrations[integration_id].company
            record = company.ids(model)[0]
            look = f"SELECT changed_at FROM {model} WHERE id = :id"
            before = running.ask(look, id=record)
            company.update(model, record)
            body, headers = running.event(integration_id, model)
            began = time.perf_counter()
            client.post(running.url, content=body, headers=headers).raise_for_status()
            while running.ask(look, id=record) == before:
                if time.perf_counter() - began > PATIENCE:
                    sys.exit(f"a change of {model} never came")
                time.sleep(LOOK_EVERY)
            found.append(time.perf_counter() - began)
    return found


def sender() -> httpx.AsyncClient:
    """Make a client with fewer connections than the service lets one peer have.

    It gives them up before the service does, or a webhook now and then would meet one that is being closed.
    """
    limits = httpx.Limits(max_connections=CONNECTIONS, keepalive_expiry=2.0)
    return httpx.AsyncClient(trust_env=False, timeout=PATIENCE, limits=limits)


def answers(running: Service, a_second: float, seconds: float) -> list[float]:
    """Send webhooks at a pace, whether the ones before are answered or not, and time the answers.

    In a process of its own: the made-up Kombo keeps this one's interpreter busy.
    """
    streams = [(id, model) for model in MODELS for id in running.environment.integrations]
    webhooks = [running.event(*streams[each % len(streams)]) for each in range(round(a_second * seconds))]
    with ProcessPoolExecutor(1, get_context("spawn")) as processes:
        found, statuses = processes.submit(sent, running.url, webhooks, a_second).result()
    if statuses.keys() != {200}:
        print(f"Not all were answered with 200: {dict(statuses)}")
    return found


def sent(url: str, webhooks: Sequence[Webhook], a_second: float) -> tuple[list[float], Counter[int]]:
    """Send webhooks at a pace; give the seconds until each was answered, and how often each status came."""
    found, statuses = list[float](), Counter[int]()

    async def send_all() -> None:
        async with sender() as client, asyncio.TaskGroup() as tasks:
            loop = asyncio.get_running_loop()
            start = loop.time() + 0.5

            async def send(at: float, body: bytes, headers: dict[str, str]) -> None:
                response = await client.post(url, content=body, headers=headers)
                found.append(loop.time() - at)
                statuses[response.status_code] += 1

            for number, (body, headers) in enumerate(webhooks):
                at = start + number / a_second
                await asyncio.sleep(max(0.0, at - loop.time()))
                tasks.create_task(send(at, body, headers))

    asyncio.run(send_all())
    return found, statuses


async def storm(running: Service, number: int) -> int:
    """Send so many webhooks for one stream, ten at a time; gives the runs that they cause."""
    integration_id, model = next(iter(running.environment.integrations)), MODELS[-1]
    runs = f"SELECT count(*) FROM sync_runs WHERE integration_id = '{integration_id}' AND model = '{model}'"
    before = running.ask(runs)
    assert isinstance(before, int)
    left = [running.event(integration_id, model) for _ in range(number)]
    async with sender() as client:

        async def send() -> None:
            while left:
                body, headers = left.pop()
                (await client.post(running.url, content=body, headers=headers)).raise_for_status()

        await asyncio.gather(*(send() for _ in range(10)))
    pending = "SELECT count(*) FROM sync_streams WHERE told_at IS NOT NULL"
    await asyncio.to_thread(running.wait, pending, 0)
    after = running.ask(runs)
    assert isinstance(after, int)
    return after - before


def measured(name: str, url: str, large_url: str, directory: Path) -> Iterator[Figure]:
    """Measure all on one kind of database; both are empty."""
    limit = RateLimit(time.monotonic, limit=UNLIMITED)
    clock = SimClock(lambda: datetime.now(UTC))
    environment = Environment.example(clock, integrations=INTEGRATIONS, records=RECORDS, limit=limit)
    streams = INTEGRATIONS * len(MODELS)
    with service(url, environment, directory) as running:
        running.wait("SELECT count(*) FROM sync_streams WHERE state = 'complete'", streams)
        found = rows(running, 200)
        yield figure(name, "row: from the webhook to the commit", found, (0.3, 1.0))
        runs = asyncio.run(storm(running, 1_000))
        yield Figure(name, "storm: runs for 1,000 webhooks of one stream", runs, runs, (None, 3), "runs")
        # From here on as at Kombo: runs wait for the request limit, and webhooks are answered all the same.
        limit.limit = 300
        found = answers(running, 100, 20)
        yield figure(name, "answer: 100 webhooks a second", found, (None, 0.05))
    limit.limit = UNLIMITED
    environment = Environment(clock, limit=limit)
    environment.add(Company("personio:large", clock, seed=1, records=LARGE))
    with service(large_url, environment, directory) as running:
        found = answers(running, 20, 15)
        loaded = running.ask("SELECT count(*) FROM sync_streams WHERE state = 'complete'")
        yield figure(name, "answer: 20 a second during a first load", found, (None, 0.2))
        if loaded == len(MODELS):
            print("The first load was over before the webhooks were: its figure says too little.")


def figure(database: str, what: str, found: Sequence[float], wanted: tuple[float | None, float]) -> Figure:
    """Give median and 99th percentile."""
    return Figure(database, what, median(found), quantiles(found, n=100)[-1], wanted)


def report(kinds: Sequence[str]) -> None:
    """Measure and print."""
    print(f"{'database':<12}{'what':<44}{'median':>9}{'99 %':>9}      {'wanted':>14}", flush=True)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        for kind in kinds:
            if kind == "sqlite":
                small, large = (f"sqlite:///{directory}/{each}.db" for each in ("small", "large"))
                for each in measured("SQLite", small, large, directory):
                    print(each.shown(), flush=True)
                continue
            with postgresql() as url, empty_database(url, "large") as large:
                for each in measured("PostgreSQL", url, large, directory):
                    print(each.shown(), flush=True)


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--database", choices=("sqlite", "postgresql"), action="append")
    given = parser.parse_args()
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores")
    report(given.database or ("sqlite", "postgresql"))


if __name__ == "__main__":
    main()
