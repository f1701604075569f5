"""Soak of a fleet: two schedulers and three workers on four environments, killed one after the other.

    make soak FLEET_MINUTES=10

Each key has a limit of its own, and records change all the time. After each kill every environment has to
have another run, whatever the others do. At the end the mirror has to equal its sources; no stream has run
twice at once, and no key has got a 429. Prints the seed, a line a minute and what was killed. Exit 1 where
something is not so.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

from syncer.simulator.server.serve import running_in_thread
from syncer.store.db.database import Database
from syncer.store.schema import migrate as schema
from tests.support import postgres as embedded_postgres
from tests.support.killed_fleet import KilledFleet, make_sources
from tests.support.mirror import Mirror
from tests.support.processes import ServedSource

POSTGRESQL = "fsync = off\nfull_page_writes = off\nmax_connections = 200\n"


def soak(minutes: float, seed: int) -> None:
    """Kill for so many minutes. Raises AssertionError where something went wrong."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(embedded_postgres.running(POSTGRESQL, on_disk=True))
        database = stack.enter_context(closing(Database(server.url)))
        schema.migrate(database)
        sources = {
            name: ServedSource(each, stack.enter_context(running_in_thread(each)), folder)
            for name, each in make_sources().items()
        }
        fleet = KilledFleet(sources, database, Mirror(server.url), random.Random(seed))
        stack.callback(_kill_all, sources["default"])
        fleet.begin()
        began, shown = time.monotonic(), 0.0
        while (elapsed := time.monotonic() - began) < minutes * 60:
            fleet.kill_one()
            if elapsed - shown >= 60:
                print(f"{datetime.now(UTC):%H:%M:%S}  killed: {dict(fleet.kills)}", flush=True)
                shown = elapsed
        fleet.end()
        print(f"{fleet.check():,} runs, killed: {dict(fleet.kills)}. The mirror equals its sources.")


def _kill_all(source: ServedSource) -> None:
    """End what is left after a failure."""
    for each in source.started:
        if each.process.poll() is None:
            each.process.kill()
            each.end()


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    soak(options.minutes, options.seed)


if __name__ == "__main__":
    main()
