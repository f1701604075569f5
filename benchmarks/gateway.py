"""What the gateway takes: pages of 250 employees of a large mirror over HTTP, and writes.

    python -m benchmarks.gateway                                          SQLite, 20,000 employees
    python -m benchmarks.gateway --database postgresql --rows 1000000     an embedded PostgreSQL
    python -m benchmarks.gateway --mirror sqlite:////var/tmp/large.db     filled where it is empty, and kept

*Pages*: the mirror is filled by SQL with employees, their employments and balances (two and a half rows
beside each), and what these carry copies of. ``syncer run`` is a process of its own; once it has checked the
copies, so many pages a second are asked for that begin anywhere, whether those before are answered or not: a
time counts from when its request was due to the last byte of the body.

*Writes* (``--writes``, 0: none): POSTs through a service of a small company, from the answer until another
connection sees the record in the mirror; then beside a backfill that uses the limit up, and what that takes
longer than the same POST at the simulated Kombo itself. The backfill reads small pages, so that it lasts for
as many windows as the writes do.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
from sqlalchemy import select

from benchmarks.gateway_mirror import INTEGRATION, LISTS, MODEL, complete, fill
from benchmarks.gateway_service import GatewayService, serving
from benchmarks.servers import empty_database, postgresql
from syncer.app import App
from syncer.config.settings import Settings
from syncer.domain.catalogue.lookup import model_named
from syncer.domain.gateway.list_cursor import ListCursor
from syncer.domain.gateway.list_query import read_list_query
from syncer.simulator.clock import SimClock
from syncer.simulator.company.company import Company
from syncer.simulator.server.environment import Environment
from syncer.simulator.server.limit import RateLimit
from syncer.store.schema.mirror_tables import MIRROR

#: Pages that are asked for at first, while the service checks the copies.
FIRST_PAGES = 50
#: Records of the small company, and of the one whose first load uses the limit up, and of a page of that one.
SMALL, LARGE = 2_000, 60_000
SMALL_PAGE = 10
#: Seconds between two writes: beyond the pause that a list has after a run; beside a backfill so many that
#: they and those at Kombo itself fit into the reserve of a window.
BETWEEN_WRITES = (1.0, 2.5)
BESIDE_BACKFILL = 5.0
LOOK_EVERY, PATIENCE = 0.005, 60.0


def show(name: str, seconds: Sequence[float]) -> None:
    """Print the times of one kind of request."""
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    print(
        f"{name}: p50 {cuts[49] * 1000:.1f} ms, p99 {cuts[98] * 1000:.1f} ms ({len(seconds)} times)",
        flush=True,
    )


def pages(url: str, rows: int, seconds: float, rate: float) -> None:
    """Ask a service for pages of a large mirror; say how long they took."""
    found = filled(url, rows)
    with serving_mirror(url) as service:
        asked = requests(service, random.Random(1).choices(found, k=2_000))
        until_checked(service, asked)
        measure(service, asked, seconds, rate)


def filled(url: str, rows: int) -> Sequence[str]:
    """Fill a mirror with so many employees, unless it has some; give their ids."""
    app = App(Settings.model_validate({"kombo": {"api_key": "bench"}, "database": {"url": url}}))
    app.migrate(may_create=True)
    try:
        found = _employees(app)
        if not found:
            fill(app, rows)
            found = _employees(app)
        else:
            complete(app)
    finally:
        app.close()
    print(f"{len(found):,} employees", flush=True)
    return found


def _employees(app: App) -> Sequence[str]:
    with app.database.read() as connection:
        return connection.execute(select(MIRROR[MODEL].c.id)).scalars().all()


@contextmanager
def serving_mirror(url: str) -> Iterator[GatewayService]:
    """Run the service on a filled mirror until the block ends."""
    environment = Environment(SimClock(lambda: datetime.now(UTC)))
    environment.add(Company(INTEGRATION, environment.clock, seed=1, records=150))
    with serving(url, environment, LISTS) as service:
        yield service


def until_checked(service: GatewayService, asked: Sequence[bytes]) -> None:
    """Have a service check the copies; say how long pages take meanwhile."""
    began = time.perf_counter()
    took, _ = asyncio.run(ask(service, asked[:FIRST_PAGES], 10))
    show("a page, while the copies are being checked", took)
    service.until_idle()
    print(f"the copies were checked within {time.perf_counter() - began:.0f} s", flush=True)


def measure(service: GatewayService, asked: Sequence[bytes], seconds: float, rate: float) -> None:
    """Ask a service that has checked the copies for pages; say what they take."""
    for name, number, pace in (
        ("one after the other", 200, 5.0),
        (f"{rate:.0f} a second", int(seconds * rate), rate),
    ):
        memory, processor = service.memory(), service.processor_seconds()
        some = [asked[each % len(asked)] for each in range(number)]
        took, length = asyncio.run(ask(service, some, pace))
        processor = (service.processor_seconds() - processor) * 1000 / number
        show(f"a page of {length / number:,.0f} bytes, {name}", took)
        print(
            f"  processor of the service {processor:.1f} ms a page; "
            f"memory {memory} MiB, afterwards {service.memory()} MiB",
            flush=True,
        )


def requests(service: GatewayService, ids: Sequence[str]) -> list[bytes]:
    """Write the requests for the pages behind some employees."""
    path = model_named(MODEL).path
    fingerprint = read_list_query(model_named(MODEL), INTEGRATION, [("page_size", "250")]).fingerprint
    head = "".join(f"{name}: {value}\r\n" for name, value in service.headers(INTEGRATION).items())
    cursors = (ListCursor(id, fingerprint).encoded() for id in ids)
    return [
        f"GET /gateway/v1{path}?page_size=250&cursor={each} HTTP/1.1\r\nHost: x\r\n{head}\r\n".encode()
        for each in cursors
    ]


async def ask(service: GatewayService, asked: Sequence[bytes], rate: float) -> tuple[list[float], int]:
    """Send requests at a steady pace; give the seconds of each since it was due, and all bytes of bodies."""
    took, length = list[float](), 0
    free = list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]()
    clock = time.perf_counter
    began = clock()

    async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", service.port, limit=4 * 1024 * 1024)

    async def request(number: int) -> None:
        nonlocal length
        # One that has rested for long the service closes.
        while free and free[-1][0].at_eof():
            free.pop()[1].close()
        reader, writer = connection = free.pop() if free else await connect()
        writer.write(asked[number])
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        size = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
        body = await reader.readexactly(size)
        if not head.startswith(b"http/1.1 200") or b"x-mirror: hit" not in head:
            raise SystemExit(f"a page was answered otherwise: {head!r} {body[:300]!r}")
        took.append(clock() - began - number / rate)
        length += size
        free.append(connection)

    async with asyncio.TaskGroup() as group:
        for number in range(len(asked)):
            await asyncio.sleep(max(0.0, began + number / rate - clock()))
            group.create_task(request(number))
    for _, writer in free:
        writer.close()
    return took, length


def writes(url: str, backfill_url: str, number: int) -> None:
    """Write through a service; say how soon that is in the mirror, and what it takes beside a backfill."""
    clock = SimClock(lambda: datetime.now(UTC))
    environment = Environment(clock, limit=RateLimit(time.monotonic, limit=1_000_000))
    environment.add(Company(INTEGRATION, clock, seed=1, records=SMALL))
    with serving(url, environment, LISTS) as service, httpx.Client(trust_env=False) as client:
        service.until_complete(len(LISTS))
        show("from the answer to a POST until it is in the mirror", list(freshness(service, client, number)))
    environment = Environment(clock, limit=RateLimit(time.monotonic))
    environment.add(Company(INTEGRATION, clock, seed=1, records=LARGE))
    with (
        serving(backfill_url, environment, LISTS, page_size=SMALL_PAGE) as service,
        httpx.Client(trust_env=False) as client,
    ):
        through, direct = beside_backfill(service, client, environment.limit, number)
    show("a POST at Kombo itself beside a backfill", direct)
    show("the same through the gateway", through)


def beside_backfill(
    service: GatewayService, client: httpx.Client, limit: RateLimit, number: int
) -> tuple[list[float], list[float]]:
    """Write so many records through the gateway and at Kombo while a backfill uses the limit up."""
    deadline = time.monotonic() + PATIENCE
    while limit.used < limit.limit // 2:
        if time.monotonic() > deadline:
            raise SystemExit("the backfill never uses half of the limit")
        time.sleep(LOOK_EVERY)
    through, direct, most = list[float](), list[float](), 0
    for _ in range(number):
        time.sleep(BESIDE_BACKFILL)
        began = time.perf_counter()
        service.post(client, INTEGRATION)
        through.append(time.perf_counter() - began)
        began = time.perf_counter()
        service.post_to_kombo(client, INTEGRATION)
        direct.append(time.perf_counter() - began)
        most = max(most, limit.used)
    complete = service.complete_streams()
    print(f"at most {most} requests of a window; {complete} of {len(LISTS)} lists complete", flush=True)
    if complete == len(LISTS):
        raise SystemExit("the backfill came to its end before the writes did")
    return through, direct


def freshness(service: GatewayService, client: httpx.Client, number: int) -> Iterator[float]:
    """Write so many records, one after the other, and see when each is in the mirror."""
    for _ in range(number):
        id = service.post(client, INTEGRATION)
        answered = time.perf_counter()
        while not service.has_group(id):
            if time.perf_counter() > answered + PATIENCE:
                raise SystemExit("a record that was written never came")
            time.sleep(LOOK_EVERY)
        yield time.perf_counter() - answered
        time.sleep(random.uniform(*BETWEEN_WRITES))


@contextmanager
def databases(kind: str) -> Iterator[Iterator[str]]:
    """Give the addresses of empty databases."""
    with ExitStack() as stack:
        if kind == "sqlite":
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gateway-")))
            yield (f"sqlite:///{folder}/{number}.db" for number in range(3))
        else:
            admin = stack.enter_context(postgresql())
            yield (stack.enter_context(empty_database(admin, f"gateway{each}")) for each in range(3))


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=20_000, help="employees; 0: no pages")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--writes", type=int, default=50, help="writes of each kind")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--mirror", help="URL of the database for pages: filled where it is empty, and kept")
    given = parser.parse_args()
    with databases(given.database) as urls:
        if given.rows:
            pages(given.mirror or next(urls), given.rows, given.seconds, given.rate)
        if given.writes:
            writes(next(urls), next(urls), given.writes)


if __name__ == "__main__":
    main()
