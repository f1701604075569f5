"""When a database is another one than it was."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from syncer.domain.incarnation import Incarnation, is_another

BEFORE = Incarnation({"database": 16384, "sync_runs": 17001}, 7, "run")


@pytest.mark.parametrize(
    ("after", "knows_last_run", "another"),
    [
        (BEFORE, True, False),
        (replace(BEFORE, last_run="a later one"), True, False),
        (replace(BEFORE, last_run="one of then"), False, True),
        (replace(BEFORE, last_run=None), False, True),
        (replace(BEFORE, leases=8), True, False),
        (replace(BEFORE, leases=6), True, True),
        (replace(BEFORE, objects={"database": 16384, "sync_runs": 18001}), True, True),
        (replace(BEFORE, objects={"database": 16385, "sync_runs": 17001}), True, True),
        (replace(BEFORE, objects={"database": 16384}), True, False),
    ],
)
def test_new_tables_leases_not_given_and_an_unknown_run_show_another_database(
    after: Incarnation, knows_last_run: bool, another: bool
) -> None:
    assert is_another(BEFORE, after, knows_last_run=knows_last_run) is another


def test_before_the_first_run_there_is_nothing_to_know() -> None:
    assert not is_another(replace(BEFORE, last_run=None), BEFORE, knows_last_run=False)
