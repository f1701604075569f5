"""Asking streams as often as they change brings changes sooner, with no more requests; on a virtual clock."""

from __future__ import annotations

from benchmarks.freshness import EVERY, LONGEST, WINDOW, Found, Simulation
from syncer.domain.scheduling.intervals import DAY

DAYS = 1.5


def simulated(
    longest: float, *, integrations: int = 40, limit: int = 12, webhooks: float | None = None
) -> Found:
    return Simulation(integrations, longest=longest, days=DAYS, seed=3, limit=limit, webhooks=webhooks).run()


def test_where_not_all_streams_fit_changes_arrive_sooner_if_the_busy_ones_are_asked_more_often() -> None:
    # 480 streams at 11 requests a minute: asked in turn each has to wait for three quarters of an hour.
    fixed, adaptive = simulated(EVERY), simulated(LONGEST)
    assert adaptive.median < 0.6 * fixed.median
    assert adaptive.mean < 0.8 * fixed.mean
    assert adaptive.ninety_five < 1.1 * fixed.ninety_five
    assert adaptive.requests <= fixed.requests
    for found in (fixed, adaptive):
        assert found.refused == 0
        assert found.requests <= 11 * DAYS * DAY / WINDOW
    assert fixed == simulated(EVERY)


def test_where_all_fit_nothing_is_different() -> None:
    fixed, adaptive = (simulated(longest, integrations=5, limit=60) for longest in (EVERY, LONGEST))
    assert fixed == adaptive
    assert fixed.ninety_five < EVERY


def test_what_webhooks_tell_of_arrives_in_seconds_and_most_of_it_although_some_are_lost() -> None:
    polled, told, some_lost = (simulated(LONGEST, webhooks=share) for share in (None, 1.0, 0.7))
    assert told.median < 1
    assert told.ninety_five < 60
    assert some_lost.median < 15
    # Of so few integrations averages are a tenth apart from seed to seed.
    assert some_lost.mean < 1.1 * polled.mean
    assert [each.refused for each in (told, some_lost)] == [0, 0]
