"""Pauses between runs that webhooks cause."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.domain.webhooks.pauses import FIRST, LONGEST, STEADY, pause_until

NOW = datetime(2031, 3, 9, tzinfo=UTC)
#: Seconds of the first pause.
SHORT = FIRST.total_seconds()


def runs(arrivals: list[float], takes: float = 0.1, *, has_room: bool = False) -> list[float]:
    """When runs begin that such events cause, in seconds."""
    began: list[float] = []
    until = ended = None
    while news := [at for at in arrivals if not began or at > began[-1]]:
        start = max(news[0], 0.0 if until is None else (until - NOW).total_seconds())
        now = NOW + timedelta(seconds=start + takes)
        until = pause_until(
            before_until=until,
            before_ended=ended,
            began=NOW + timedelta(seconds=start),
            now=now,
            events=sum(at <= start for at in news),
            has_room=has_room,
        )
        ended = now
        began.append(start)
    return began


def waits(arrivals: list[float], began: list[float]) -> list[float]:
    """How long each event waits for the run that answers it."""
    return [min(start for start in began if start >= at) - at for at in arrivals]


@pytest.mark.parametrize("has_room", [False, True])
@pytest.mark.parametrize("seconds", [0.5, 1.0, 5.0, 10.0, 30.0])
def test_a_storm_of_a_thousand_events_causes_three_runs(seconds: float, has_room: bool) -> None:
    storm = [number * seconds / 1_000 for number in range(1_000)]
    began = runs(storm, has_room=has_room)
    assert len(began) <= 3
    assert began[-1] >= storm[-1]


def test_whoever_is_told_of_now_and_then_does_not_wait() -> None:
    seldom = [number * 20.0 for number in range(50)]
    assert runs(seldom) == seldom


@given(st.lists(st.floats(0.4, 60.0), max_size=60), st.floats(0.0, 0.5))
def test_while_there_is_room_no_change_waits_for_the_pause_after_a_few_others(
    gaps: list[float], takes: float
) -> None:
    arrivals = list(accumulate(gaps))
    assert max(waits(arrivals, runs(arrivals, takes, has_room=True)), default=0.0) <= SHORT + takes + 0.001


@given(st.lists(st.floats(0.4, 3.0), min_size=1, max_size=60))
def test_without_room_whoever_is_told_of_again_and_again_waits_for_longer_pauses(gaps: list[float]) -> None:
    arrivals = list(accumulate(gaps))
    began = runs(arrivals)
    # The first ones come soon: 0, then 1 and 4 seconds later.
    assert len(began) <= 4 + (arrivals[-1] - arrivals[0]) / STEADY.total_seconds()


@given(st.floats(0.001, 0.03), st.booleans())
def test_storms_that_go_on_cause_a_run_a_minute(every: float, has_room: bool) -> None:
    storm = [number * every for number in range(round(300 / every))][:30_000]
    assert len(runs(storm, has_room=has_room)) <= 4 + storm[-1] / LONGEST.total_seconds()


@pytest.mark.parametrize("has_room", [False, True])
@pytest.mark.parametrize(("every", "longest"), [(1.0, STEADY), (0.01, LONGEST)])
def test_nothing_waits_for_longer_than_the_longest_pause(
    every: float, longest: timedelta, has_room: bool
) -> None:
    steady = [number * every for number in range(round(600 / every))]
    began = runs(steady, has_room=has_room)
    assert max(later - earlier for earlier, later in pairwise(began)) < longest.total_seconds() + 1
    assert began[-1] >= steady[-1]
