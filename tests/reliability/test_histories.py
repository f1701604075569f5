"""Random histories: see ``history_machine.py``. A failing one is printed as a short script."""

from __future__ import annotations

import pytest
from hypothesis import settings

from tests.reliability.history_runs import run_histories
from tests.reliability.stepped_work import bench_on

#: What one part tries on each kind of database; `make soak` tries others for as long as one likes.
HISTORIES = {"sqlite": 40, "postgresql": 6}
PARTS = 4


@pytest.mark.parametrize("part", range(PARTS))
def test_whatever_happens_the_mirror_keeps_its_promises_and_comes_to_equal_its_source(
    migrated_url: str, part: int
) -> None:
    # Where examples repeat, every part has its own.
    seed = part if settings().derandomize else None
    with bench_on(migrated_url) as bench:
        run_histories(bench, HISTORIES[migrated_url.partition(":")[0]], seed_of_all=seed)
