"""What a page of 250 employees takes at the gateway: answered from a large mirror, at any depth.

    python -m benchmarks.gateway                                          SQLite, 20,000 employees
    python -m benchmarks.gateway --database postgresql --rows 1000000     an embedded PostgreSQL

Fills a mirror with employees, their employments and balances (two and a half rows beside each), and what
these carry copies of. Then asks for pages that begin anywhere, so many a second, whether those before are
answered or not: a time counts from when its request was due. Besides, what a poll takes that finds a few
changes, and how the memory of the process grows.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select, text, update

from benchmarks.servers import postgresql
from syncer.app import App
from syncer.config.settings import Settings
from syncer.domain.catalogue.lookup import model_named
from syncer.domain.gateway.answer import Answered
from syncer.domain.gateway.copy_places import copied_tables
from syncer.domain.gateway.list_cursor import ListCursor
from syncer.domain.gateway.list_query import read_list_query
from syncer.domain.records.row import Row, project_text
from syncer.domain.stream_key import StreamKey
from syncer.operations.copy_checks import CopyChecks
from syncer.operations.gateway import read_list
from syncer.simulator.clock import SimClock
from syncer.simulator.company.company import Company
from syncer.store.schema.destination import model_destination
from syncer.store.schema.mirror_tables import MIRROR, streams
from tests.support.rows import write_page

MODEL = "hris_employees"
INTEGRATION = "personio:8d1hpPsbjxUkoCoa1veLZGe5"
#: Lists whose rows belong to one employee each: they are multiplied with these.
MULTIPLIED = ("hris_employments", "hris_time_off_balances", MODEL)
SEED_RECORDS = 6_000
WRITTEN_AT_ONCE = 500
CHECKS = CopyChecks()
_ID = re.compile(r'"([1-9A-HJ-NP-Za-km-z]{24})"')


@contextmanager
def filled(database: str, rows: int) -> Iterator[App]:
    """Make a mirror with so many employees."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gateway-")))
        url = (
            stack.enter_context(postgresql())
            if database == "postgresql"
            else f"sqlite:///{directory}/mirror.db"
        )
        app = App(Settings.model_validate({"kombo": {"api_key": "bench"}, "database": {"url": url}}))
        stack.callback(app.close)
        app.migrate(may_create=True)
        fill(app, rows)
        yield app


def fill(app: App, rows: int) -> None:
    """Write employees and what they carry copies of; have all lists be complete."""
    clock = SimClock.frozen(datetime.now(UTC) - timedelta(days=30))
    company = Company(INTEGRATION, clock, seed=1, records=SEED_RECORDS)
    multiplied = {name: [json.dumps(each) for each in company.rows(name)] for name in MULTIPLIED}
    own = {json.loads(each)["id"] for texts in multiplied.values() for each in texts}
    names = sorted({MODEL, *copied_tables(MODEL)})
    for name in set(names).difference(MULTIPLIED):
        write(app, name, [json.dumps(each) for each in company.rows(name)])
    copies = max(1, rows // len(multiplied[MODEL]))
    for copy in range(copies):
        rename = renaming(own, copy)
        for name, texts in multiplied.items():
            write(app, name, [_ID.sub(rename, each) for each in texts])
    with app.database.begin() as connection:
        store = app.environment_of(INTEGRATION).streams
        store.select(connection, {StreamKey(INTEGRATION, name) for name in names})
        now = app.database.now(connection)
        connection.execute(update(streams).values(state="complete", complete_at=now, watermark=now))
    with app.database.begin() as connection:
        connection.execute(text("ANALYZE"))


def renaming(own: set[str], copy: int) -> Callable[[re.Match[str]], str]:
    """Give the employees of another copy, and what is theirs, ids of their own."""

    def rename(found: re.Match[str]) -> str:
        id = found[1]
        return f'"{id[:-5]}{copy:05d}"' if id in own else found[0]

    return rename


def write(app: App, name: str, texts: Sequence[str]) -> None:
    """Write records as pages do."""
    model = model_named(name)
    for first in range(0, len(texts), WRITTEN_AT_ONCE):
        projected = (project_text(model, each.encode()) for each in texts[first : first + WRITTEN_AT_ONCE])
        with app.database.begin() as connection:
            now = app.database.now(connection)
            rows = [each for each in projected if isinstance(each, Row)]
            write_page(connection, model_destination(model, INTEGRATION), rows, now=now, walk_began_at=now)


def ask(app: App, parameters: Sequence[tuple[str, str]]) -> int:
    """Ask for a page; give its bytes."""
    answer = read_list(
        app.environment_of(INTEGRATION),
        INTEGRATION,
        model_named(MODEL).path,
        parameters,
        serve=("*",),
        max_age=timedelta(days=1),
        checks=CHECKS,
    )
    assert isinstance(answer, Answered), answer
    assert answer.status == 200, answer.body
    return len(answer.body)


def pages(app: App, seconds: float, rate: float) -> None:
    """Ask for pages that begin anywhere; say how long they took."""
    with app.database.read() as connection:
        found = connection.execute(select(MIRROR[MODEL].c.id)).scalars().all()
    ids = random.Random(1).choices(found, k=1_000)
    size = [("page_size", "250")]
    fingerprint = read_list_query(model_named(MODEL), INTEGRATION, size).fingerprint
    asked = [[*size, ("cursor", ListCursor(id, fingerprint).encoded())] for id in ids]
    for each in asked[:20]:
        ask(app, each)
    before, took, length = memory(), list[float](), list[int]()
    with ThreadPoolExecutor(4) as threads:
        began = time.perf_counter()

        def request(number: int) -> None:
            length.append(ask(app, asked[number % len(asked)]))
            took.append(time.perf_counter() - began - number / rate)

        for number in range(int(seconds * rate)):
            time.sleep(max(0.0, began + number / rate - time.perf_counter()))
            threads.submit(request, number)
    show(
        f"{rate:.0f} pages a second of {len(found):,} employees, {statistics.mean(length):,.0f} bytes each",
        took,
    )
    print(f"memory {before} MiB, afterwards {memory()} MiB", flush=True)


def alone(app: App, name: str, parameters: Sequence[tuple[str, str]], times: int) -> None:
    """Ask the same so many times, one after the other; say how long that took."""
    took = list[float]()
    for _ in range(times):
        began = time.perf_counter()
        ask(app, parameters)
        took.append(time.perf_counter() - began)
    show(name, took)


def show(name: str, took: Sequence[float]) -> None:
    """Print the times of one kind of request."""
    cuts = statistics.quantiles(took, n=100)
    print(f"{name}: p50 {cuts[49] * 1000:.1f} ms, p99 {cuts[98] * 1000:.1f} ms", flush=True)


def memory() -> int:
    """Read the greatest memory of this process until now, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def touch(app: App) -> datetime:
    """Have a few employees and a group be written just now; give the time before."""
    with app.database.begin() as connection:
        now = app.database.now(connection)
        for name, count in ((MODEL, 20), ("hris_groups", 1)):
            table = MIRROR[name]
            ids: Any = connection.execute(select(table.c.id).limit(count)).scalars().all()
            changed = now + timedelta(seconds=1)
            connection.execute(update(table).where(table.c.id.in_(ids)).values(mirrored_at=changed))
    return now


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    given = parser.parse_args()
    with filled(given.database, given.rows) as app:
        alone(app, "one page after the other", [("page_size", "250")], 50)
        pages(app, given.seconds, given.rate)
        moment = touch(app).isoformat().removesuffix("+00:00") + "Z"
        poll = [("page_size", "250"), ("include_deleted", "true"), ("updated_after", moment)]
        alone(app, "a poll that finds some changes", poll, 20)


if __name__ == "__main__":
    main()
