"""How far it goes: several processes, very many streams, an hour of ticks, ten million rows.

    make bench-scale                                        all parts, at full size; hours
    python -m benchmarks.scale --part streams               one part
    python -m benchmarks.scale --small                      each part in seconds, to see that it runs

Each part prints what it did and a table, as docs/scale.md has it. Kombo is a page server in a process of its
own, PostgreSQL an embedded server, or that of SYNCER_TEST_POSTGRES_URL.
"""

from __future__ import annotations

import argparse
import os
import platform

from benchmarks.scale import bookkeeping, processes, rows, streams
from benchmarks.scale.processes import ENGINES, Size

PARTS = ("processes", "streams", "bookkeeping", "rows")
#: Options by name: at full size, and with --small.
SIZES: dict[str, tuple[str, object, object]] = {
    "processes": ("numbers of processes", [1, 2, 4], [1, 2]),
    "keys": ("API keys, each of an environment", 10, 2),
    "key-integrations": ("integrations of each key", 10, 2),
    "records": ("records in each list", 2_000, 300),
    "integrations": ("integrations, with 35 streams each", [1_000, 10_000], [20]),
    "due": ("streams that are due again and again", 1_000, 20),
    "every": ("seconds after which they are due again", 60, 5),
    "services": ("services that read them", 2, 2),
    "minutes": ("minutes for which they do", 60.0, 0.3),
    "rows": ("rows of the large table", 10_000_000, 60_000),
    "load": ("rows of them that the program reads, instead of copies by SQL", 1_000_000, 20_000),
}


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--part", choices=PARTS, action="append")
    parser.add_argument("--small", action="store_true", help="the sizes of a trial")
    parser.add_argument("--engine", choices=ENGINES, action="append")
    for name, (meaning, full, small) in SIZES.items():
        is_list = isinstance(full, list)
        kind = float if isinstance(full, float) else int
        parser.add_argument(
            f"--{name}", type=kind, nargs="+" if is_list else None, help=f"{meaning}: {full}, small {small}"
        )
    given = parser.parse_args()
    for name, (_, full, small) in SIZES.items():
        name = name.replace("-", "_")
        if getattr(given, name) is None:
            setattr(given, name, small if given.small else full)
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores", flush=True)
    parts = given.part or PARTS
    if "processes" in parts:
        size = Size(given.keys, given.key_integrations, given.records)
        processes.report(size, given.processes, given.engine or ENGINES, patience=3_600)
    if "streams" in parts:
        for number in given.integrations:
            # One file is for those who have less.
            streams.report(number, ["sqlite", "postgresql"] if number <= 1_000 else ["postgresql"])
    if "bookkeeping" in parts:
        bookkeeping.report(given.due, given.every, given.minutes, given.services)
    if "rows" in parts:
        rows.report(given.rows, given.load)


if __name__ == "__main__":
    main()
