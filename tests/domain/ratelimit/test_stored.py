"""The budget as it was stored: what a wrong clock has left in it holds nobody up."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from syncer.domain.ratelimit.budget import Budget, Permit, Purpose, Rate, Reserve, take
from syncer.domain.ratelimit.responses import answered, refused
from syncer.domain.ratelimit.stored import believable
from syncer.domain.ratelimit.waiters import Waiting

DECADE = 3652 * 86_400.0
TEN_MINUTES = 600.0


def taken(budget: Budget, now: float) -> Permit:
    """A permit that has to be there at once."""
    _, permit = take(believable(budget, now), now, Purpose.FULL, Reserve())
    assert isinstance(permit, Permit), permit
    return permit


def opened(now: float, *, reset: float = 60.0, remaining: int = 9) -> Budget:
    """A window that an answer has told of, of a limit of ten."""
    budget, permit = take(Budget(), now, Purpose.FULL, Reserve())
    assert isinstance(permit, Permit)
    return answered(budget, now, permit, Rate(10, remaining, reset))


@pytest.mark.parametrize("ahead", [TEN_MINUTES, DECADE])
def test_a_window_of_a_clock_that_was_ahead_is_over(ahead: float) -> None:
    budget = opened(ahead)
    for left in (
        replace(budget, used=10, sent=10),
        replace(budget, confirmed=False, probe_until=ahead + 10.0),
        replace(budget, paced_until=ahead + 59.0),
        replace(budget, waiting=(Waiting("other", Purpose.WRITE, 1, ahead + 61.0),)),
    ):
        taken(left, 1.0)


def test_a_refusal_by_a_clock_that_was_ahead_is_over() -> None:
    for limit in (None, 10):
        budget, permit = take(replace(Budget(), limit=limit), DECADE, Purpose.FULL, Reserve())
        assert isinstance(permit, Permit)
        rate = None if limit is None else Rate(10, 0, 60.0)
        taken(refused(budget, DECADE, permit, rate, 60.0), 1.0)


@pytest.mark.parametrize("reset", [1.0, 60.0, 299.0, 301.0, 3_600.0])
def test_a_wait_that_an_answer_names_is_believed_to_its_end(reset: float) -> None:
    budget = opened(0.0, remaining=5)
    budget, permit = take(budget, 1.0, Purpose.FULL, Reserve())
    assert isinstance(permit, Permit)
    budget = refused(budget, 1.0, permit, None, reset)
    for now in (1.0, reset / 2, reset):
        _, wait = take(believable(budget, now), now, Purpose.FULL, Reserve())
        assert isinstance(wait, float)
    taken(budget, reset + 2.1)


@pytest.mark.parametrize("reset", [1.0, 60.0, 3_600.0])
def test_a_window_of_any_length_is_believed(reset: float) -> None:
    budget = opened(0.0, reset=reset)
    assert believable(budget, 0.0) == budget
