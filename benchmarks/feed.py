"""What the change feed costs: the same loads with it off, with it on, and with former values.

    python -m benchmarks.feed [--records 20000] [--rounds 5]

A first load of employees of about 2 kB, and an incremental pass over one in ten of them, which have changed.
Each in a process and a database of its own, in turns, several rounds; the median of the rounds' ratios
counts, by the clock and by the processor time of the program and of PostgreSQL's processes, which is what
can be compared on a machine that has other work.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import psycopg

from benchmarks.servers import ROOT, PageServer, empty_database, page_server, postgresql

OFF = "off"
#: Settings of the feed.
VARIANTS = {
    OFF: {},
    "on": {"changes": {"models": ["*"]}},
    "with former values": {"changes": {"models": ["*"], "before": True}},
}
FIRST, INCREMENTAL = "first load", "incremental"
#: One row in so many changes.
CHANGED = 10
#: The most that the feed may cost, as a share of the time without it.
MOST = {"SQLite": 0.20, "PostgreSQL": 0.15}

Times = defaultdict[tuple[str, str], list[tuple[float, float]]]


@contextmanager
def databases(kind: str, directory: Path) -> Iterator[dict[str, str]]:
    """Make an empty database for each variant; give their URLs."""
    if kind == "SQLite":
        yield {name: f"sqlite:///{directory}/{number}.db" for number, name in enumerate(VARIANTS)}
        return
    with (
        postgresql() as url,
        empty_database(url, "on") as on,
        empty_database(url, "before") as before,
    ):
        yield dict(zip(VARIANTS, (url, on, before), strict=True))


def server_seconds(url: str) -> float:
    """Read the processor time of PostgreSQL's processes so far; 0 for SQLite, which has none."""
    if url.startswith("sqlite"):
        return 0.0
    with psycopg.connect(url) as connection:
        parent = _parent(connection.info.backend_pid)
    living = [each for each in map(int, filter(str.isdigit, os.listdir("/proc"))) if _parent(each) == parent]
    ticks = sum(_ticks(parent, children=True)) + sum(sum(_ticks(each)) for each in living)
    return ticks / os.sysconf("SC_CLK_TCK")


def _stat(process: int) -> list[str]:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ["0"] * 20


def _parent(process: int) -> int:
    return int(_stat(process)[1])


def _ticks(process: int, *, children: bool = False) -> tuple[int, int]:
    """Ticks of a process in user and kernel mode, or of those of its children that have ended."""
    first = 13 if children else 11
    user, kernel = _stat(process)[first : first + 2]
    return int(user), int(kernel)


def timed(url: str, server: PageServer, mode: str, variant: str) -> tuple[float, float]:
    """Do one load; give its seconds by the clock and of the processor."""
    before = server_seconds(url)
    settings = json.dumps(VARIANTS[variant])
    command = [sys.executable, "-m", "benchmarks.load", url, server.base_url, mode, "--settings", settings]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["outcome"] == "complete", said["error"]
    return said["seconds"], said["processor_seconds"] + server_seconds(url) - before


def measured(kind: str, records: int, rounds: int, directory: Path) -> Times:
    """Time the loads of each round, by what was done and by variant."""
    times: Times = defaultdict(list)
    names = list(VARIANTS)
    for number in range(rounds):
        place = directory / f"{kind}{number}"
        place.mkdir()
        turns = names[number % len(names) :] + names[: number % len(names)]
        with page_server(records, changed=CHANGED) as server, databases(kind, place) as urls:
            for name in turns:
                times[FIRST, name].append(timed(urls[name], server, "backfill", name))
            server.change()
            for name in turns:
                times[INCREMENTAL, name].append(timed(urls[name], server, "sync", name))
    return times


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    print(f"{asked.records:,} employees, Python {sys.version.split()[0]}, {os.cpu_count()} cores")
    print(f"{'database':<12}{'what':<14}{'feed':<22}{'seconds':>9}{'more':>8}{'processor':>11}{'more':>8}")
    with tempfile.TemporaryDirectory() as name:
        for kind, most in MOST.items():
            times = measured(kind, asked.records, asked.rounds, Path(name))
            for (what, variant), found in times.items():
                off = times[what, OFF]
                shown = []
                for index in (0, 1):
                    ratio = median(each[index] / base[index] for each, base in zip(found, off, strict=True))
                    shown.append((median(each[index] for each in found), ratio - 1))
                over = ", not met" if variant != OFF and shown[0][1] > most else ""
                goal = "" if variant == OFF else f"   goal: {most:.0%}{over}"
                print(
                    f"{kind:<12}{what:<14}{variant:<22}"
                    + "".join(
                        f"{value:>{width}.2f}{more:>8.1%}"
                        for (value, more), width in zip(shown, (9, 11), strict=True)
                    )
                    + goal,
                    flush=True,
                )


if __name__ == "__main__":
    main()
