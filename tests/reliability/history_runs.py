"""Runs of many random histories, and the shortest script of one that breaks a promise."""

from __future__ import annotations

from functools import partial
from typing import Any

from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.reliability.history_machine import Histories
from tests.reliability.stepped_program import Bench

#: Rules in a history of the tests, besides the rest at its end.
STEPS = 7


def run_histories(
    bench: Bench, number: int, *, steps: int = STEPS, seed_of_all: int | None = None, **changes: Any
) -> None:
    """So many random histories; raises, with the shortest script found, where one breaks a promise.

    steps: rules in each; seed_of_all: the same gives the same histories; None: as hypothesis is set up.
    changes: to its settings.
    """
    histories: Any = partial(Histories, bench)
    if seed_of_all is not None:
        histories = seed(seed_of_all)(histories)
    run_state_machine_as_test(
        histories,
        settings=settings(
            max_examples=number,
            stateful_step_count=steps,
            deadline=None,
            # Histories are long, and one is not tried again from an earlier run of the tests.
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
            database=None,
            **changes,
        ),
    )
