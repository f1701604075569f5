"""Pauses between runs that webhooks cause."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from syncer.domain.webhooks.pauses import LONGEST, STEADY, pause_until

NOW = datetime(2031, 3, 9, tzinfo=UTC)


def runs(arrivals: list[float], takes: float = 0.1) -> list[float]:
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
        )
        ended = now
        began.append(start)
    return began


@pytest.mark.parametrize("seconds", [0.5, 1.0, 5.0, 10.0, 30.0])
def test_a_storm_of_a_thousand_events_causes_three_runs(seconds: float) -> None:
    storm = [number * seconds / 1_000 for number in range(1_000)]
    began = runs(storm)
    assert len(began) <= 3
    assert began[-1] >= storm[-1]


def test_whoever_is_told_of_now_and_then_does_not_wait() -> None:
    seldom = [number * 20.0 for number in range(50)]
    assert runs(seldom) == seldom


@pytest.mark.parametrize(("every", "longest"), [(1.0, STEADY), (0.01, LONGEST)])
def test_nothing_waits_for_longer_than_the_longest_pause(every: float, longest: timedelta) -> None:
    steady = [number * every for number in range(round(600 / every))]
    began = runs(steady)
    assert max(later - earlier for earlier, later in pairwise(began)) < longest.total_seconds() + 1
    assert began[-1] >= steady[-1]
