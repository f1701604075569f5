"""What it costs to keep versions: the same loads with a history and without, in turns.

    python -m benchmarks.versions [--records 20000] [--rounds 5]

Every load is a process of its own with a database of its own; of each the median counts. The incremental pass
finds one record in a hundred changed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import median

from benchmarks.run import CHANGED, FIRST, targets
from benchmarks.servers import ROOT, page_server

#: The most that a history may cost, times the same without it.
MOST = 1.4


def seconds(url: str, base_url: str, mode: str, *, history: bool) -> float:
    """Seconds of one load that must go well."""
    asked = ["--history"] if history else []
    command = [sys.executable, "-m", "benchmarks.load", url, base_url, mode, *asked]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    said = json.loads(done.stdout.splitlines()[-1])
    if said["outcome"] != "complete":
        sys.exit(f"{mode} ended {said['outcome']}: {said['error']}")
    return float(said["seconds"])


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    print(f"{'database':<12}{'what':<28}{'off, s':>8}{'on, s':>8}{'times':>8}   goal: {MOST}", flush=True)
    with tempfile.TemporaryDirectory() as name:
        for kind in ("SQLite", "PostgreSQL"):
            taken: dict[tuple[str, bool], list[float]] = defaultdict(list)
            for number in range(asked.rounds):
                place = Path(name) / f"{kind}{number}"
                place.mkdir()
                with targets(kind, place) as both:
                    for history, target in enumerate(both):
                        with page_server(asked.records) as server:
                            for what, mode in ((FIRST, "backfill"), (CHANGED, "sync")):
                                if what == CHANGED:
                                    server.change()
                                took = seconds(target.url, server.base_url, mode, history=bool(history))
                                taken[what, bool(history)].append(took)
            for what in (FIRST, CHANGED):
                off, on = median(taken[what, False]), median(taken[what, True])
                unmet = "" if on / off <= MOST else "   not met"
                print(f"{kind:<12}{what:<28}{off:>8.2f}{on:>8.2f}{on / off:>8.2f}{unmet}", flush=True)


if __name__ == "__main__":
    main()
