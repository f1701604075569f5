"""One large table on PostgreSQL: loads, a sweep, a re-projection and a migration, while a reader polls."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

import psycopg

from benchmarks.pages import INTEGRATION
from benchmarks.run import OURS, Load, Target, load
from benchmarks.scale.measuring import print_table, shown_seconds
from benchmarks.servers import PageServer, page_server, postgresql
from syncer.app import App
from syncer.config.settings import Settings
from syncer.domain.catalogue.lookup import catalogue
from syncer.operations.reproject import reproject
from syncer.store.db.database import Database
from syncer.store.schema.indexes import build_indexes
from syncer.store.schema.mirror_tables import MIRROR

TABLE = "hris_employees"
#: Rows that are read once and then copied by SQL; of another integration than the one that is measured.
SEED, SEED_INTEGRATION = 20_000, "bench:000000000000000000000001"
#: Rows that one statement copies, and one in so many that vanish at Kombo.
COPIED_AT_ONCE, VANISHING = 500_000, 100
#: Seconds between two questions of the reader.
POLL_EVERY = 0.02
_INDEX = f"ix_{TABLE}_work_email"


@dataclass
class Reader:
    """A reader of the table, with a connection of its own. longest: seconds that it waited for an answer."""

    url: str
    longest: float = 0.0
    answers: int = 0
    _stopping: threading.Event = field(default_factory=threading.Event)

    def read(self) -> None:
        """Ask for some rows again and again until it is told to stop."""
        with psycopg.connect(self.url, autocommit=True) as database:
            while not self._stopping.wait(POLL_EVERY):
                began = time.perf_counter()
                database.execute(
                    f"SELECT id, first_name, work_email FROM {TABLE}_live "
                    "WHERE integration_id = %s ORDER BY id LIMIT 20".encode(),
                    (SEED_INTEGRATION,),
                ).fetchall()
                self.longest = max(self.longest, time.perf_counter() - began)
                self.answers += 1

    def stop(self) -> None:
        self._stopping.set()


@contextmanager
def reading(url: str) -> Iterator[Reader]:
    """Have a reader poll while the block runs."""
    reader = Reader(url)
    thread = threading.Thread(target=reader.read)
    thread.start()
    try:
        yield reader
    finally:
        reader.stop()
        thread.join()


def copy_rows(url: str, rows: int) -> None:
    """Fill the table with so many copies of the seed under ids of their own, links included.

    Ids are random, as Kombo's are: what comes in order would make better indexes than there are.
    """
    new_id = "md5(s.id || copy)"
    document = f"jsonb_set(s.document, '{{id}}', to_jsonb({new_id}))"
    statements = [_copy(TABLE, f"FROM {TABLE} s", {"id": new_id, "document": document})]
    for link in catalogue()[TABLE].links:
        source = f"FROM {link.table} l JOIN {TABLE} s ON s.id = l.{link.owner}"
        statements.append(_copy(link.table, source, {link.owner: new_id}, alias="l"))
    times, a_time = rows // SEED, max(1, COPIED_AT_ONCE // SEED)
    with psycopg.connect(url, autocommit=True) as database:
        for first in range(1, times + 1, a_time):
            last = min(first + a_time - 1, times)
            for statement in statements:
                database.execute(statement.encode(), {"first": first, "last": last, "seed": SEED_INTEGRATION})
            print(f"{last * SEED:,} of {rows:,} rows copied", file=sys.stderr, flush=True)
        database.execute(b"VACUUM ANALYZE")


def _copy(table: str, source: str, changed: Mapping[str, str], alias: str = "s") -> str:
    """Write the statement that copies the rows of the seed (s) in a table. changed: expressions by column."""
    columns = [each.name for each in MIRROR[table].columns]
    values = (changed.get(each, f"{alias}.{each}") for each in columns)
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)} {source} "
        "CROSS JOIN generate_series(%(first)s::int, %(last)s::int) copy "
        "WHERE s.integration_id = %(seed)s AND length(s.id) = 24"
    )


def by_program(url: str, server: PageServer, mode: str, what: str, integration: str = INTEGRATION) -> Load:
    """Load by the program, which has to be right where many rows are missing."""
    command = [sys.executable, "-m", "benchmarks.load", url, server.base_url, mode]
    command += ["--integration", integration]
    return load(Target("PostgreSQL", url), server, OURS, what, command)


def project_anew(url: str) -> int:
    """Make all rows anew from their documents; give how many there were."""

    async def run() -> int:
        settings = Settings.model_validate(
            {"kombo": {"api_key": "bench"}, "database": {"url": url}, "sync": {"models": [TABLE]}}
        )
        async with App(settings) as app:
            return sum(each.rows for each in await reproject(app, [TABLE]))

    return asyncio.run(run())


def add_column(url: str) -> None:
    """Add a column as a migration does: at once, and waiting for locks of others a few seconds at most."""
    with psycopg.connect(url) as database:
        database.execute("SET lock_timeout = '5s'")
        database.execute(f"ALTER TABLE {TABLE} ADD COLUMN bench text".encode())


def build_index(url: str) -> None:
    """Have the program build an index that is missing, as after a migration that declares one."""
    with closing(Database(url)) as database:
        assert build_indexes(database) == [_INDEX]


def measure(url: str, rows: int, loaded: int) -> list[list[str]]:
    """Measure everything on one database; give the lines of the table."""
    lines: list[list[str]] = []

    def note(what: str, number: int, seconds: float, reader: Reader) -> None:
        speed = f"{number / seconds:,.0f}" if number else ""
        lines.append([what, f"{number:,}" if number else "", shown_seconds(seconds), speed])
        lines[-1].append(shown_seconds(reader.longest))
        print(" | ".join(lines[-1]), file=sys.stderr, flush=True)

    def timed(what: str, work: Callable[[], int | None]) -> None:
        with reading(url) as reader:
            began = time.perf_counter()
            number = work() or 0
            note(what, number, time.perf_counter() - began, reader)

    with page_server(SEED) as server:
        by_program(url, server, "backfill", "the rows to be copied", SEED_INTEGRATION)
    copy_rows(url, rows - loaded)
    with page_server(loaded) as server:
        for mode, what in (("backfill", "first load"), ("restart", "unchanged, read whole")):
            with reading(url) as reader:
                found = by_program(url, server, mode, what)
            note(what, found.rows, found.seconds, reader)
    with page_server(loaded - loaded // VANISHING) as server, reading(url) as reader:
        found = by_program(url, server, "restart", "sweep")
    note("unchanged but for 1 % that is gone, with the sweep", found.rows, found.seconds, reader)
    timed("a migration adds a column", lambda: add_column(url))
    with psycopg.connect(url, autocommit=True) as database:
        database.execute(f"DROP INDEX {_INDEX}".encode())
    timed("a migration builds an index (concurrently)", lambda: build_index(url))
    # Last, since it takes the longest by far.
    timed("re-projection of all rows", lambda: project_anew(url))
    return lines


def report(rows: int, loaded: int) -> None:
    """Measure, and print the table."""
    with postgresql() as url:
        lines = measure(url, rows, loaded)
        with psycopg.connect(url) as database:
            row = database.execute(
                f"SELECT count(*), pg_total_relation_size('{TABLE}') FROM {TABLE}".encode()
            ).fetchone()
    assert row is not None
    print_table(
        f"{row[0]:,} rows of `{TABLE}`, {row[1] / 1e9:,.1f} GB with indexes; {loaded:,} of them are loaded, "
        "the others are copies by SQL.",
        ["work", "rows", "time", "rows/s", "longest wait of a reader"],
        lines,
    )
