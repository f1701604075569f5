"""Random histories for as long as one likes: see tests/reliability/history_machine.py.

    python -m benchmarks.histories --minutes 30
    python -m benchmarks.histories --minutes 5 --seed 7 --database postgresql://…

Prints the seed of every round. A history that breaks a promise is printed as a short script, and the exit is
1; ``--seed`` with the seed of its round finds it again. A database that is named loses what it holds.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from syncer.store.db.database import Database
from syncer.store.schema import migrate as schema
from tests.reliability.history_runs import run_histories
from tests.reliability.stepped_work import bench_on

#: Histories with one seed.
ROUND = 200
#: Rules in each: more than in those of the tests.
STEPS = 12
#: Where a file costs no disk, if there is such a place.
MEMORY = Path("/dev/shm")


def main() -> int:
    arguments = argparse.ArgumentParser(description="Random histories against the simulator.")
    arguments.add_argument("--minutes", type=float, default=10)
    arguments.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    arguments.add_argument("--database", help="URL of an empty PostgreSQL database; SQLite unless given")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as directory:
        url = given.database or f"sqlite:///{directory}/mirror.db"
        database = Database(url)
        schema.migrate(database)
        database.close()
        return _go_on(url, given.seed, given.minutes)


def _go_on(url: str, seed: int, minutes: float) -> int:
    until, tried = time.monotonic() + minutes * 60, 0
    with bench_on(url) as bench:
        while tried == 0 or time.monotonic() < until:
            print(f"seed {seed}: {ROUND} histories, {tried} before", flush=True)
            try:
                run_histories(bench, ROUND, steps=STEPS, seed_of_all=seed)
            except Exception as error:
                print(f"\nA promise is broken (seed {seed}): {type(error).__name__}: {error}")
                print("\n".join(getattr(error, "__notes__", [])))
                return 1
            seed, tried = seed + 1, tried + ROUND
    print(f"{tried} histories, and every promise kept.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
