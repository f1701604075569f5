"""Read the rate-limit budget as it was stored, without the times that a wrong clock left in it. Pure."""

from __future__ import annotations

from msgspec.structs import replace

from syncer.domain.ratelimit.budget import LONGEST_WAIT, ROUNDING, Budget
from syncer.domain.ratelimit.waiters import GRACE


def believable(budget: Budget, now: float) -> Budget:
    """Give the budget as far as it can be true: a window that ends later than any window is over.

    What is sent then learns the window anew, one request ahead of the others.
    """
    latest = now + max(budget.length, LONGEST_WAIT) + 2 * ROUNDING
    waiting = tuple(each for each in budget.waiting if each.until <= latest + 2 * GRACE)
    if len(waiting) < len(budget.waiting):
        budget = replace(budget, waiting=waiting)
    times = (budget.ends_at or 0.0, budget.earliest_end, budget.probe_until or 0.0, budget.paced_until)
    if max(times) <= latest:
        return budget
    return replace(
        budget,
        ends_at=None if budget.limit is None else now,
        earliest_end=min(budget.earliest_end, now),
        probe_until=None,
        paced_until=0.0,
    )
