"""The last hour of a request budget: what each minute shows of the samples that were taken in it."""

from __future__ import annotations

from syncer.domain.ratelimit.budget import Budget
from syncer.domain.ratelimit.history import SLOTS, BudgetHistory, Slot

NOW = 1_900_000_020.0


def sample(used: int, at: float, *, refusals: int = 0, limit: int | None = 100) -> Budget:
    """A budget whose window has half a minute left."""
    return Budget(limit=limit, used=used, ends_at=at + 30, refusals=refusals)


def filled(*samples: tuple[float, Budget | None]) -> BudgetHistory:
    history = BudgetHistory()
    for at, budget in samples:
        history.note(budget, at)
    return history


def test_a_minute_has_as_much_as_its_greatest_sample() -> None:
    history = filled(*((NOW + place, sample(used, NOW + place)) for place, used in enumerate((10, 80, 5))))
    assert history.slots(NOW) == [*[Slot()] * (SLOTS - 1), Slot(0.8)]


def test_a_minute_of_which_nothing_is_known_is_no_minute_without_requests() -> None:
    history = filled((NOW, sample(0, NOW)), (NOW + 120, sample(50, NOW + 120)))
    assert history.slots(NOW + 120)[-3:] == [Slot(0.0), Slot(None), Slot(0.5)]


def test_refusals_count_in_the_minute_in_which_they_came_and_those_before_in_none() -> None:
    history = filled(
        (NOW, sample(1, NOW, refusals=40)),
        (NOW + 1, sample(1, NOW, refusals=43)),
        (NOW + 60, sample(1, NOW, refusals=44)),
    )
    assert [each.refused for each in history.slots(NOW + 60)[-2:]] == [3, 1]


def test_another_key_brings_no_refusals_of_its_past() -> None:
    history = filled((NOW, sample(1, NOW, refusals=1)))
    history.use_key()
    history.note(sample(1, NOW, refusals=900), NOW + 1)
    assert history.slots(NOW)[-1].refused == 0


def test_a_window_that_has_ended_and_a_limit_that_is_not_known_count_as_nothing_used() -> None:
    history = filled(
        (NOW, Budget(limit=100, used=90, ends_at=NOW - 1)), (NOW, sample(90, NOW, limit=None)), (NOW, None)
    )
    assert history.slots(NOW)[-1] == Slot(0.0)


def test_what_is_older_than_an_hour_is_forgotten_and_what_a_wrong_clock_dated_ahead_too() -> None:
    history = filled((NOW, sample(9, NOW)), (NOW + 9_999_999, sample(9, NOW)), (NOW + 3_600, None))
    assert history.slots(NOW + 3_600) == [*[Slot()] * (SLOTS - 1), Slot(0.0)]
