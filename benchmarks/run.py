"""How fast a list is mirrored, beside the floor and dlt, how soon commands end, and how a rate limit is used.

    make bench
    python -m benchmarks.run [--records 20000] [--large 1000000] [--save FILE]

Pages of 250 employees of about 2 kB come from a process of their own over HTTP, with the headers of a rate
limit that is never reached. Every load is a process of its own, too; the time is that of the load alone,
without imports and tables, and beside it that of the whole process. The floor is the least in which a
process can do it (benchmarks/floor.py), the naive way has a table without indexes or links
(benchmarks/naive.py), dlt is its ``rest_api`` source with ``merge`` (benchmarks/rival.py). All but dlt goes
in turns, several rounds with databases of their own, of which the median counts. Compare figures within a
run, not between machines: what is saved keeps the figures of the run before, and ``python -m
benchmarks.figures FILE`` compares the two.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg

from benchmarks import figures, limits, starts
from benchmarks.limits import RIVAL
from benchmarks.servers import ROOT, PageServer, compiled_once, empty_database, page_server, postgresql

OURS, FLOOR, NAIVE, DLT = "syncer", "floor", "naive", "dlt"
#: Requests in a minute that the page server permits.
PLENTY = 1_000_000
#: How often each load is done, but for those by dlt, which take longest.
ROUNDS = 3
FIRST, UNCHANGED, CHANGED = "first load", "unchanged, read whole", "1 % changed, incremental"


@dataclass(frozen=True, slots=True)
class Load:
    """One load.

    seconds: of the load alone; whole: of the whole process; processor: seconds of the processor that the load
    took, and 0 where that is not counted. disk: bytes written to files (SQLite) or to the write-ahead log
    (PostgreSQL), if counted. block: the longest time in seconds that the event loop did not come round, where
    there is one.
    """

    database: str
    by: str
    what: str
    seconds: float
    whole: float
    processor: float
    rows: int
    written: int | None
    peak_mb: float
    requests: int
    received: int
    disk: int | None
    block: float | None

    @property
    def speed(self) -> float:
        """Rows per second."""
        return self.rows / self.seconds


@dataclass(frozen=True, slots=True)
class Target:
    """One database as a benchmark sees it."""

    name: str
    url: str

    def wal(self) -> int:
        """Bytes of the write-ahead log so far; 0 on SQLite."""
        if self.name == "SQLite":
            return 0
        with psycopg.connect(self.url) as connection:
            row = connection.execute("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')").fetchone()
        assert row is not None
        return int(row[0])


def load(target: Target, server: PageServer, by: str, what: str, command: Sequence[str]) -> Load:
    """Run a load and tell what it took."""
    before = target.wal()
    server.told()
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=compiled_once())
    whole = time.perf_counter() - began
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    said, asked = json.loads(done.stdout.splitlines()[-1]), server.told()
    if "outcome" in said and said["outcome"] != "complete":
        sys.exit(f"{what} ended {said['outcome']}: {said['error']}")
    measured = Load(
        database=target.name,
        by=by,
        what=what,
        seconds=said["seconds"],
        whole=whole,
        processor=said.get("processor_seconds", 0.0),
        rows=said["rows"],
        written=said.get("written"),
        peak_mb=said["peak_mb"],
        block=said.get("longest_block"),
        requests=int(asked["requests"]),
        received=int(asked["bytes"]),
        disk=said.get("file_bytes") if target.name == "SQLite" else target.wal() - before,
    )
    disk = "" if measured.disk is None else f"{measured.disk / 1e6:,.1f}"
    block = "" if measured.block is None else f"{measured.block * 1000:.0f} ms"
    written = "" if measured.written is None else f"{measured.written:,}"
    print(
        f"{target.name:<12}{by:<8}{what:<26}{measured.seconds:>8.2f}{measured.whole:>7.2f}"
        f"{measured.processor:>7.2f}{measured.speed:>9,.0f}{written:>10}"
        f"{measured.peak_mb:>7.0f}{measured.requests:>9,}{measured.received / 1e6:>8.1f}{disk:>9}{block:>7}",
        flush=True,
    )
    return measured


def by_us(target: Target, server: PageServer, mode: str, what: str) -> Load:
    """A load by the program."""
    command = [sys.executable, "-m", "benchmarks.load", target.url, server.base_url, mode]
    return load(target, server, OURS, what, command)


def compared(
    target: Target, beside: Target, records: int, directory: Path, *, with_rival: bool
) -> Iterator[Load]:
    """The same list by all three. beside: another database of the same kind, for the others."""
    with page_server(records, limit=PLENTY) as server:
        for by in (NAIVE, FLOOR):
            command = [sys.executable, "-m", f"benchmarks.{by}", beside.url, server.base_url]
            yield load(beside, server, by, FIRST, command)
        yield by_us(target, server, "backfill", FIRST)
        yield by_us(target, server, "restart", UNCHANGED)
        server.change()
        yield by_us(target, server, "sync", CHANGED)
        if with_rival and RIVAL.exists():
            rival = [str(RIVAL), "benchmarks/rival.py", beside.url, server.base_url, str(directory / "dlt")]
            yield load(beside, server, DLT, FIRST, rival)
            yield load(beside, server, DLT, UNCHANGED, rival)


@contextmanager
def targets(kind: str, directory: Path) -> Iterator[tuple[Target, Target]]:
    """Two empty databases of a kind."""
    if kind == "SQLite":
        yield Target(kind, f"sqlite:///{directory}/ours.db"), Target(kind, f"sqlite:///{directory}/others.db")
        return
    with postgresql() as url, empty_database(url, "others") as others:
        yield Target(kind, url), Target(kind, others)


def in_rounds(kind: str, records: int, directory: Path) -> list[Load]:
    """The loads on one kind of database: of each its median."""
    done: dict[tuple[str, str], list[Load]] = {}
    for number in range(ROUNDS):
        place = directory / f"{kind}{number}"
        place.mkdir()
        with targets(kind, place) as (target, beside):
            for each in compared(target, beside, records, place, with_rival=number == 0):
                done.setdefault((each.by, each.what), []).append(each)
    return [sorted(loads, key=lambda each: each.seconds)[len(loads) // 2] for loads in done.values()]


def ratios(loads: Sequence[Load]) -> Iterator[tuple[str, float, float | None]]:
    """What the figures say: a sentence, its figure and the least that it should be."""
    for kind in dict.fromkeys(each.database for each in loads):
        found = {(each.by, each.what): each for each in loads if each.database == kind}
        first, again, floor = found[OURS, FIRST], found[OURS, UNCHANGED], found[FLOOR, FIRST]
        least = {"SQLite": 0.6, "PostgreSQL": 0.7}[kind]
        yield f"{kind}: first load, times the floor", first.speed / floor.speed, least
        yield f"{kind}: unchanged load, times the floor", again.speed / floor.speed, 2.0
        if (DLT, FIRST) in found:
            yield f"{kind}: first load, times dlt", first.speed / found[DLT, FIRST].speed, 5.0
            yield f"{kind}: unchanged load, times dlt", again.speed / found[DLT, UNCHANGED].speed, None
        if first.disk and again.disk:
            yield f"{kind}: written by the first load, times the unchanged one", first.disk / again.disk, 33.4


def flatness(records: int, directory: Path) -> Iterator[Load]:
    """Memory of a small load and of a large one."""
    for rows in (10_000, records):
        target = Target("SQLite", f"sqlite:///{directory}/rows{rows}.db")
        with page_server(rows, limit=PLENTY) as server:
            yield by_us(target, server, "backfill", f"first load of {rows:,}")
        for file in directory.glob(f"rows{rows}.db*"):
            file.unlink()


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--large", type=int, default=1_000_000, help="rows of the load that shows the memory")
    parser.add_argument("--save", type=Path, help="a file for the figures, as JSON")
    asked = parser.parse_args()
    print(f"{asked.records:,} employees, Python {sys.version.split()[0]}, {os.cpu_count()} cores")
    print(
        f"{'database':<12}{'by':<8}{'what':<26}{'seconds':>8}{'whole':>7}{'cpu':>7}{'rows/s':>9}"
        f"{'written':>10}{'MB':>7}"
        f"{'requests':>9}{'MB in':>8}{'MB disk':>9}{'block':>7}",
        flush=True,
    )
    loads: list[Load] = []
    with tempfile.TemporaryDirectory() as name:
        for kind in ("SQLite", "PostgreSQL"):
            loads += in_rounds(kind, asked.records, Path(name))
        large = list(flatness(asked.large, Path(name)))
        print()
        started = list(starts.measured(Path(name)))
    starts.report(started)
    print()
    for sentence, figure, least in ratios(loads):
        goal = "" if least is None else f"   goal: {least}" + ("" if figure >= least else ", not met")
        print(f"{sentence:<58}{figure:>8.2f}{goal}")
    print(
        f"{'memory of the larger load, times the smaller':<58}{large[1].peak_mb / large[0].peak_mb:>8.2f}\n"
    )
    limited = limits.measured()
    limits.report(limited)
    if asked.save:
        print()
        figures.save(
            asked.save,
            {
                "loads": [asdict(each) for each in loads + large],
                "limits": [asdict(each) for each in limited],
                "starts": [asdict(each) for each in started],
            },
        )
        figures.report(asked.save)


if __name__ == "__main__":
    main()
