"""When the service has stalled: nothing gets on although something is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from syncer.domain.streams.stall import LEAST_SILENCE, Stall, find_stall, silence

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
#: Twice the intervals of two lists.
OVERDUE = {"hris_employees": 30 * MINUTE, "hris_groups": timedelta(days=2)}


def test_silence_is_the_time_since_whatever_went_on_last() -> None:
    complete_at, started, page = NOW - 10 * MINUTE, timedelta(days=1), 3 * MINUTE
    assert silence(NOW, complete_at, [started]) == 10 * MINUTE
    assert silence(NOW, complete_at, [started, page]) == 3 * MINUTE
    # A service that has just been started has not been silent for long, however old the mirror is.
    assert silence(NOW, NOW - timedelta(days=9), [MINUTE]) == MINUTE
    assert silence(NOW, None, [started]) == started


def test_a_time_that_a_wrong_clock_has_stored_hides_no_silence() -> None:
    started = timedelta(days=1)
    assert silence(NOW, NOW + timedelta(days=400), [started]) == started
    assert silence(NOW, NOW + MINUTE, [started]) == timedelta(0)


def test_a_stall_is_more_than_twice_the_interval_without_anything_getting_on() -> None:
    assert find_stall(30 * MINUTE, OVERDUE) is None
    assert find_stall(31 * MINUTE, OVERDUE) == Stall("hris_employees", 31 * MINUTE)


def test_a_list_that_is_polled_rarely_hides_no_stall_and_makes_none() -> None:
    rarely = {"hris_groups": OVERDUE["hris_groups"]}
    assert find_stall(31 * MINUTE, rarely) is None
    assert find_stall(timedelta(days=3), rarely) == Stall("hris_groups", timedelta(days=3))


def test_who_has_nothing_to_do_has_not_stalled() -> None:
    assert find_stall(timedelta(days=30), {}) is None


@pytest.mark.parametrize("every", [timedelta(0), timedelta(seconds=2)])
def test_shorter_than_a_request_may_take_no_silence_is_a_stall(every: timedelta) -> None:
    assert find_stall(LEAST_SILENCE, {"hris_groups": every}) is None
    assert find_stall(LEAST_SILENCE + timedelta(seconds=1), {"hris_groups": every}) is not None
