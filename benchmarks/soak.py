"""Soak: two services on one database against companies that live fast, among faults, kills and restarts.

    make soak                            an hour on an embedded PostgreSQL
    make soak MINUTES=5 DATABASE=sqlite  SEED=7

One service stays for the whole time and is measured; the other is killed and started again and again. Kombo
answers with faults, records change, vanish and come back, the database is stopped and started (PostgreSQL) or
locked (SQLite). At the end all ends, and after one pass the mirror has to equal the source.

Prints the seed, a line a minute, and what memory, file descriptors, connections and log have done. Exit 1 if
the mirror differs, a service failed, one of the first three has grown, or the log has too much for each run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from sqlalchemy import select

from syncer.app import App
from syncer.config.settings import Settings
from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.streams.stream import Mode
from syncer.operations.sync import sync
from syncer.process.logging import configure_logging
from syncer.simulator.clock import SimClock
from syncer.simulator.company.compare import comparable
from syncer.simulator.life.random_change import random_change
from syncer.simulator.server import faults
from syncer.simulator.server.environment import Environment
from syncer.simulator.server.faults import Fault, Match
from syncer.simulator.server.limit import RateLimit
from syncer.simulator.server.serve import running
from syncer.store.schema.mirror_tables import MIRROR
from tests.support import postgres as embedded_postgres

FAULTS = (
    faults.server_error(),
    faults.bad_gateway(),
    faults.truncated(),
    faults.not_json(),
    faults.rate_limited(1),
    faults.concurrency_limited(),
    faults.expired_cursor(),
    faults.reshaped({"results": None, "next": None}),
    faults.Dropped(),
    faults.Late(2.0),
)
#: Durable as in production, but for power failures: those no soak can make.
POSTGRESQL = "fsync = off\nfull_page_writes = off\nmax_connections = 100\n"
#: Seconds between two changes at the source, two looks at the service, two troubles of the database.
CHANGE_EVERY, LOOK_EVERY, TROUBLE_EVERY = 0.1, 5.0, (60.0, 180.0)
#: Bytes that the log may have for each run that it tells of, retries and all else included: changes at the
#: source make more runs or fewer, but none longer.
LOGGED_A_RUN = 1_000
#: What each of these runs has in the log.
RUN_LOGGED = re.compile(rb'"event": "run_(ended|failed)"')
#: How much more of a thing the last third of the time may show than the second one.
GROWTH = 1.25


@dataclass
class Soak:
    """What one soak runs on. told: counts of everything that was done to the services."""

    environment: Environment
    settings: dict[str, str]
    directory: Path
    rng: random.Random
    trouble: Callable[[], AbstractAsyncContextManager[None]]
    told: Counter[str] = field(default_factory=Counter)
    looks: list[Look] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Look:
    """The steady service at one moment: megabytes of memory, open files, sockets, bytes and runs logged."""

    at: float
    memory: float
    files: int
    sockets: int
    logged: int
    runs: int


async def soak(minutes: float, database: str, seed: int) -> bool:
    """Run for so many minutes; gives whether all went well."""
    rng = random.Random(seed)
    environment = Environment.example(
        SimClock(lambda: datetime.now(UTC)),
        seed=seed,
        integrations=2,
        records=3_000,
        limit=RateLimit(time.monotonic, limit=600, window=10),
    )
    with tempfile.TemporaryDirectory() as folder, _database(database, Path(folder)) as (url, trouble):
        async with running(environment) as base_url:
            settings = {
                "SYNCER_KOMBO__API_KEY": environment.api_key,
                "SYNCER_KOMBO__BASE_URL": base_url,
                "SYNCER_KOMBO__TIMEOUT": "10s",
                "SYNCER_DATABASE__URL": url,
                "SYNCER_INTEGRATIONS": json.dumps([{"id": each} for each in environment.integrations]),
                "SYNCER_SYNC__EVERY": "5s",
                "SYNCER_SYNC__FULL_EVERY": "5m",
                "SYNCER_SYNC__OVERLAP": "30s",
                "SYNCER_WEB__ENABLED": "false",
                "SYNCER_LOG__LEVEL": "INFO",
            }
            soaked = Soak(environment, settings, Path(folder), rng, trouble)
            well = await _soak(soaked, minutes * 60)
            environment.faults.clear()
            return await _ends_equal(environment, settings) and well and _is_flat(soaked.looks)


async def _soak(soak: Soak, seconds: float) -> bool:
    """Everything at once, for so long; gives whether the services ended as they should."""
    steady = await _start(soak, "steady")
    tasks = [
        asyncio.create_task(each)
        for each in (_live(soak), _kill(soak), _disturb(soak), _look(soak, steady), _report(soak))
    ]
    try:
        done, _ = await asyncio.wait(
            [*tasks, asyncio.create_task(steady.wait())],
            timeout=seconds,
            return_when=asyncio.FIRST_COMPLETED,
        )
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for error in ended:
        if isinstance(error, Exception):
            steady.kill()
            raise error
    if done:
        print(f"The steady service ended by itself with {steady.returncode}.")
        return False
    steady.send_signal(signal.SIGTERM)
    code = await steady.wait()
    print(f"The steady service ended with {code} after SIGTERM.")
    return code == 0


async def _start(soak: Soak, name: str) -> asyncio.subprocess.Process:
    with (soak.directory / f"{name}.log").open("ab") as log:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "syncer",
            "run",
            cwd=soak.directory,
            env={**os.environ, "PYTHONPATH": os.getcwd(), **soak.settings},
            stderr=log,
            stdout=log,
        )


async def _live(soak: Soak) -> None:
    """The companies change, sometimes without a word, and Kombo's answers go wrong."""
    environment, rng, told = soak.environment, soak.rng, soak.told
    vanished: list[tuple[str, str, str]] = []
    scripted: list[Fault] = []
    while True:
        for integration_id, company in environment.companies.items():
            random_change(company, rng)
            told["changes"] += 1
            if rng.random() < 0.01:
                model = rng.choice(list(catalogue()))
                for record in company.ids(model)[:1]:
                    company.vanish(model, record)
                    vanished.append((integration_id, model, record))
                    told["vanished"] += 1
        if vanished and rng.random() < 0.01:
            integration_id, model, record = vanished.pop(rng.randrange(len(vanished)))
            environment.companies[integration_id].restore(model, record)
            told["returned"] += 1
        scripted = [each for each in scripted if each.left]
        # Few at a time: what piles up while nobody asks would be one long outage.
        if rng.random() < 0.05 and len(scripted) < 3:
            scripted.append(environment.faults.add(Match(), rng.choice(FAULTS), rng.randint(1, 3)))
            told["faults"] += 1
        await asyncio.sleep(CHANGE_EVERY)


async def _kill(soak: Soak) -> None:
    """A second service lives again and again, and ends by SIGKILL or, one time in four, by SIGTERM."""
    while True:
        service = await _start(soak, "killed")
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(service.wait(), soak.rng.uniform(1, 60))
            end = signal.SIGTERM if soak.rng.random() < 0.25 else signal.SIGKILL
            if service.returncode is None:
                service.send_signal(end)
            code = await service.wait()
        finally:
            if service.returncode is None:
                service.kill()
                await service.wait()
        soak.told[end.name] += 1
        # 3: it was started while the database was away; -SIGTERM: it was not yet there to hear it.
        if code not in {0, 3, -signal.SIGKILL, -signal.SIGTERM}:
            raise RuntimeError(f"The second service ended with {code}; its log: {soak.directory}/killed.log")


async def _disturb(soak: Soak) -> None:
    """The database is away now and then."""
    while True:
        await asyncio.sleep(soak.rng.uniform(*TROUBLE_EVERY))
        async with soak.trouble():
            soak.told["database away"] += 1
            await asyncio.sleep(soak.rng.uniform(1, 15))


async def _look(soak: Soak, service: asyncio.subprocess.Process) -> None:
    """Measure the steady service."""
    process, log, logged, runs = Path(f"/proc/{service.pid}"), soak.directory / "steady.log", 0, 0
    while True:
        await asyncio.sleep(LOOK_EVERY)
        with log.open("rb") as news:
            news.seek(logged)
            # Whole lines.
            text = news.read().rpartition(b"\n")
        logged += len(text[0]) + len(text[1])
        runs += len(RUN_LOGGED.findall(text[0]))
        with suppress(OSError):
            pages = int((process / "statm").read_text().split()[1])
            files = []
            for each in (process / "fd").iterdir():
                with suppress(OSError):
                    files.append(os.readlink(each))
            soak.looks.append(
                Look(
                    at=time.monotonic(),
                    memory=pages * os.sysconf("SC_PAGE_SIZE") / 2**20,
                    files=len(files),
                    sockets=sum(each.startswith("socket:") for each in files),
                    logged=logged,
                    runs=runs,
                )
            )


async def _report(soak: Soak) -> None:
    while True:
        await asyncio.sleep(60)
        look = soak.looks[-1] if soak.looks else None
        shown = f"{look.memory:.0f} MB, {look.files} files, {look.sockets} sockets" if look else ""
        print(f"{datetime.now(UTC):%H:%M:%S}  {dict(soak.told)}  {shown}", flush=True)


@contextmanager
def _database(
    kind: str, folder: Path
) -> Iterator[tuple[str, Callable[[], AbstractAsyncContextManager[None]]]]:
    """The URL of an empty database, and what makes it unusable until one goes on."""
    if kind == "sqlite":
        file = folder / "soak.db"

        @asynccontextmanager
        async def locked() -> AsyncIterator[None]:
            other = sqlite3.connect(file, isolation_level=None, timeout=30, check_same_thread=False)
            try:
                await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
                yield
            finally:
                other.close()

        yield f"sqlite:///{file}", locked
        return
    with embedded_postgres.running(POSTGRESQL, on_disk=True) as server:

        @asynccontextmanager
        async def stopped() -> AsyncIterator[None]:
            await asyncio.to_thread(server.stop)
            try:
                yield
            finally:
                # Also when the soak is over: the service must find its database again.
                server.start()

        yield server.url, stopped


async def _ends_equal(environment: Environment, settings: dict[str, str]) -> bool:
    """One pass that reads all anew and marks what is missing; then the mirror holds what the source has."""
    values = {
        "kombo": {"api_key": environment.api_key, "base_url": settings["SYNCER_KOMBO__BASE_URL"]},
        "database": {"url": settings["SYNCER_DATABASE__URL"]},
        "integrations": [{"id": each} for each in environment.integrations],
    }
    async with App(Settings.model_validate(values)) as app:
        results = [*await sync(app, Mode.RESTART), *await sync(app, Mode.APPROVE)]
        last = {each.key: each for each in results}
        unwell = [each for each in last.values() if not each.outcome.is_well]
        for each in unwell:
            print(f"{each.key.model} of {each.key.integration_id}: {each.outcome} {each.error or ''}")
        equal = _equal(app, environment) and not unwell
    print("The mirror equals the source." if equal else "The mirror differs from the source.")
    return equal


def _equal(app: App, environment: Environment) -> bool:
    equal = True
    with app.database.read() as connection:
        for integration_id, company in environment.companies.items():
            for name, model in catalogue().items():
                table = MIRROR[name]
                found = connection.execute(
                    select(table.c.id, table.c.document, table.c.deleted_by).where(
                        table.c.integration_id == integration_id
                    )
                )
                # What has vanished from its list stays here as a row that is marked.
                mirrored = {
                    row[0]: comparable(name, json.loads(row[1]) if isinstance(row[1], str) else row[1])
                    for row in found
                    if row[2] != "sweep"
                }
                rows = company.rows(name, include_deleted=model.features.include_deleted)
                wanted = {row["id"]: comparable(name, json.loads(json.dumps(row))) for row in rows}
                differing = [key for key in mirrored.keys() | wanted if mirrored.get(key) != wanted.get(key)]
                if differing:
                    equal = False
                    print(f"{name} of {integration_id} differs in {differing[:5]}")
    return equal


def _is_flat(looks: list[Look]) -> bool:
    """Whether the last third of the time looks like the one before; the first is for warming up."""
    third = len(looks) // 3
    if third < 2:
        print("Too short to say whether anything grows.")
        return True
    before, after = looks[third : 2 * third], looks[2 * third :]
    flat = True
    for name, unit, of in (
        ("memory", "MB", lambda look: look.memory),
        ("files", "open", lambda look: look.files),
        ("sockets", "open", lambda look: look.sockets),
    ):
        first, last = median(map(of, before)), median(map(of, after))
        grown = last > first * GROWTH + 2
        flat = flat and not grown
        most = max(map(of, looks))
        print(f"{name:8} {first:8.1f} -> {last:8.1f} {unit}, at most {most:.1f}{'  GROWN' if grown else ''}")
    return _is_brief(before, after) and flat


def _is_brief(*parts: list[Look]) -> bool:
    """Whether the log has no more for each run than it may."""
    shown, is_brief = [], True
    for part in parts:
        logged, runs = part[-1].logged - part[0].logged, part[-1].runs - part[0].runs
        minutes = (part[-1].at - part[0].at) / 60
        is_brief = is_brief and logged <= LOGGED_A_RUN * max(runs, 1)
        shown.append(f"{logged / max(runs, 1):.0f} bytes a run, {logged / minutes / 1024:.1f} kB a minute")
    print(f"log      {' -> '.join(shown)}{'' if is_brief else '  TOO LONG'}")
    return is_brief


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--database", choices=("postgresql", "sqlite"), default="postgresql")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    arguments = parser.parse_args()
    # The simulator breaks connections on purpose, and its server would tell of each.
    configure_logging("CRITICAL")
    print(f"seed {arguments.seed}, {arguments.minutes:g} minutes, {arguments.database}", flush=True)
    sys.exit(0 if asyncio.run(soak(arguments.minutes, arguments.database, arguments.seed)) else 1)


if __name__ == "__main__":
    main()
