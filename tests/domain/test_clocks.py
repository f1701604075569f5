"""Which stored times are believed, and when a clock was set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from syncer.domain.clocks import ClockReading, distrust_future, step_between

NOON = datetime(2031, 3, 9, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
YEARS = timedelta(days=3652)


@pytest.mark.parametrize("moment", [NOON - YEARS, NOON, NOON + HOUR])
def test_a_time_that_can_be_is_believed(moment: datetime) -> None:
    assert distrust_future(moment, NOON, HOUR) == moment


def test_a_time_further_ahead_than_it_can_be_counts_as_none() -> None:
    assert distrust_future(NOON + HOUR + timedelta(seconds=1), NOON, HOUR) is None
    assert distrust_future(NOON + YEARS, NOON, HOUR) is None
    assert distrust_future(None, NOON, HOUR) is None


@pytest.mark.parametrize("step", [-YEARS, -10 * timedelta(minutes=1), 2 * HOUR, YEARS])
def test_a_step_is_what_the_wall_clock_says_beyond_the_monotonic_one(step: timedelta) -> None:
    before, after = ClockReading(NOON, 100.0), ClockReading(NOON + HOUR + step, 3_700.0)
    assert step_between(before, after) == step


@pytest.mark.parametrize("slewed", [-9, 0, 9])
def test_a_clock_that_is_slewed_has_not_been_set(slewed: int) -> None:
    before, after = ClockReading(NOON, 100.0), ClockReading(NOON + timedelta(seconds=5 + slewed), 105.0)
    assert step_between(before, after) is None
