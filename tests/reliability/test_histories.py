"""Random histories: see ``machine.py``. A failing one is printed as a short script of what happened."""

from __future__ import annotations

from tests.reliability.machine import bench_on, run_histories

#: What a run of the tests tries, on each kind of database.
HISTORIES = {"sqlite": 1_000, "postgresql": 100}


def test_whatever_happens_the_mirror_keeps_its_promises_and_comes_to_equal_its_source(
    migrated_url: str,
) -> None:
    with bench_on(migrated_url) as bench:
        run_histories(bench, HISTORIES[migrated_url.partition(":")[0]])
