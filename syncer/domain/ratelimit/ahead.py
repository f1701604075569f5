"""Permits that a process takes ahead of its requests, a few at a time. Pure.

A request then needs no transaction of its own. They count as in flight from the beginning, so that nothing
can go out uncounted, and they are few where a window has little left, and none where it is not known or where
somebody more urgent waits. What is not used soon is given back.
"""

from __future__ import annotations

from collections.abc import Collection

from msgspec.structs import replace

from syncer.domain.ratelimit.budget import (
    ROUNDING,
    Budget,
    Pacing,
    Permit,
    Purpose,
    Rate,
    Reserve,
    take,
)
from syncer.domain.ratelimit.webhook_share import kept

#: Permits that a process holds at most for requests that have not come yet.
MOST = 8
#: One in so many of those that are left in the window.
SHARE = 8
#: Seconds for which they are held at most.
HELD_FOR = 2.0


def take_ahead(
    budget: Budget, now: float, purpose: Purpose, reserve: Reserve, pacing: Pacing = "burst", owner: str = ""
) -> tuple[Budget, list[Permit], float]:
    """Grant permits for requests to come; with the seconds for which they are good.

    Call it when no request of the process waits.
    """
    if pacing != "burst" or purpose < Purpose.INCREMENTAL:
        return budget, [], 0.0
    if not budget.confirmed or budget.limit is None or budget.rolls_over_at is None:
        return budget, [], 0.0
    if any(now < each.until for each in budget.waiting):
        return budget, [], 0.0
    # In the last second of a window nobody knows in which one the server counts.
    good_for = min(HELD_FOR, budget.rolls_over_at - ROUNDING - now)
    if good_for <= 0.0:
        return budget, [], 0.0
    ceiling = budget.limit - reserve.of(budget.limit)
    share = kept(budget.webhooks_expected, (budget.rolls_over_at - now) / budget.length, ceiling)
    permits: list[Permit] = []
    for _ in range(min(MOST, (ceiling - budget.effective_used - share) // SHARE)):
        budget, permit = take(budget, now, purpose, reserve, pacing, owner)
        if not isinstance(permit, Permit):
            break
        permits.append(permit)
    return budget, permits, good_for


def give_back(budget: Budget, permits: Collection[Permit]) -> Budget:
    """Take permits back that no request was sent with.

    Before what responses have said meanwhile: they tell of all but these.
    """
    of_this = sum(permit.window == budget.window for permit in permits)
    of_former = sum(permit.window == budget.window - 1 for permit in permits)
    sent = max(0, budget.sent - of_this)
    return replace(
        budget,
        used=max(sent, budget.used - of_this),
        sent=sent,
        in_flight=max(0, budget.in_flight - of_this),
        in_flight_previous=max(0, budget.in_flight_previous - of_former),
    )


def is_scarce(held: int, rate: Rate, reserve: Reserve) -> bool:
    """Tell from a response whether so many permits are more than may be held: others use the key, too."""
    return rate.remaining - reserve.of(rate.limit) < held * SHARE // 2
