"""What an answer says of the request budget: the other half of ``budget.py``. Pure.

An answer corrects how much of the window is used and when it ends, tells that the server has begun a new one
or that the old one runs on; and its request is under way no longer.
"""

from __future__ import annotations

from dataclasses import replace

from syncer.domain.ratelimit.budget import PROBE_PATIENCE, ROUNDING, Budget, Permit, Rate
from syncer.domain.ratelimit.waiters import shorten


def answered(budget: Budget, now: float, permit: Permit, rate: Rate | None) -> Budget:
    """The budget after an answer; rate is None where the answer told nothing."""
    arrived = _arrived(budget, now, permit, rate)
    if not budget.confirmed:
        if permit.window != budget.window:
            # Of a request that was counted in an earlier window: it does not tell when this one ends.
            return arrived
        return _untold(arrived, permit) if rate is None else _learnt(arrived, now, permit, rate)
    if rate is None or budget.ends_at is None or budget.limit is None:
        return arrived
    ends_after = permit.taken_at + rate.reset - ROUNDING
    if ends_after > budget.ends_at + ROUNDING:
        under_way = budget.flying - (permit.window == budget.window)
        return _begun(replace(budget, flying=under_way), now, ends_after, rate)
    if permit.window != budget.window and ends_after <= now:
        # It may speak of a window that is over.
        return arrived
    is_of_this = arrived is not budget
    return replace(
        arrived,
        limit=min(budget.limit, rate.limit),
        used=max(arrived.used, rate.limit - rate.remaining),
        # In its last second a window's end is better known from before.
        ends_at=min(budget.ends_at, now + rate.reset) if rate.reset > ROUNDING else budget.ends_at,
        lasts_until=max(budget.lasts_until, ends_after) if is_of_this else budget.lasts_until,
    )


def refused(budget: Budget, now: float, permit: Permit, rate: Rate | None, reset: float) -> Budget:
    """The budget after a 429 all the same: the window is used up until the reset (seconds) it names."""
    limit = budget.limit if rate is None else rate.limit
    until = max(now + reset, budget.refused_until)
    ran_on = not budget.confirmed and rate is not None and _is_old(budget, permit, rate)
    slack = ROUNDING if ran_on else budget.slack
    return replace(
        budget,
        limit=limit,
        used=budget.used if limit is None else max(budget.used, limit),
        flying=max(0, budget.flying - (permit.window == budget.window)),
        carried=max(0, budget.carried - (permit.window == budget.window - 1)),
        # Other users may have brought it about: the reset may be rounded down for all that we have learnt.
        ends_at=until if limit is None else until + ROUNDING - slack,
        lasts_until=now if rate is None else permit.taken_at + rate.reset - ROUNDING,
        slack=slack,
        probe_until=until if limit is not None else max(until, _others_probe(budget, permit)),
        confirmed=limit is not None,
        refusals=budget.refusals + 1,
    )


def _arrived(budget: Budget, now: float, permit: Permit, rate: Rate | None) -> Budget:
    """The budget with a request no longer under way, counted in the window in which the server may have it.

    The same budget where that may be the server's next window: so the request will be carried into ours.
    """
    # No window that began later ends before this, and none that began earlier after it.
    speaks_of = None if rate is None else now + rate.reset + budget.slack
    if permit.window == budget.window:
        next_ends_after = budget.lasts_until + budget.length - ROUNDING
        is_counted = not budget.confirmed or now <= budget.lasts_until
        if is_counted or speaks_of is None or speaks_of <= next_ends_after:
            return replace(budget, flying=max(0, budget.flying - 1))
        return budget
    if permit.window != budget.window - 1 or budget.carried == 0:
        return budget
    is_former = speaks_of is not None and speaks_of <= budget.lasts_until
    own = budget.own if is_former else budget.own + 1
    return replace(budget, carried=budget.carried - 1, own=own, used=max(budget.used, own))


def _is_old(budget: Budget, permit: Permit, rate: Rate) -> bool:
    """Whether the first answer after a window's end had passed shows that it runs on."""
    is_ending = rate.reset <= ROUNDING and rate.reset < budget.length
    return permit.is_first and permit.window == budget.window and is_ending


def _learnt(budget: Budget, now: float, permit: Permit, rate: Rate) -> Budget:
    """The budget whose window is told by the answer to the one request that went first."""
    used = rate.limit - rate.remaining
    # More requests than ours in a window about to end: it is the old one, which must not be left early again.
    ran_on = used > budget.own + budget.carried and rate.reset <= ROUNDING
    slack = ROUNDING if ran_on and _is_old(budget, permit, rate) else budget.slack
    return replace(
        budget,
        limit=rate.limit,
        used=max(budget.own, used),
        ends_at=now + rate.reset + (ROUNDING - slack if ran_on else 0.0),
        lasts_until=permit.taken_at + rate.reset - ROUNDING,
        length=max(rate.reset, 1.0) if budget.limit is None else max(budget.length, rate.reset),
        slack=slack,
        probe_until=budget.refused_until or None,
        confirmed=True,
    )


def _begun(budget: Budget, now: float, ends_after: float, rate: Rate) -> Budget:
    """The budget where an answer shows that the server began a new window before ours ended."""
    return replace(
        budget,
        window=budget.window + 1,
        limit=rate.limit,
        used=max(1, rate.limit - rate.remaining),
        own=1,
        flying=0,
        carried=budget.flying,
        ends_at=now + rate.reset,
        lasts_until=ends_after,
        length=max(rate.reset, 1.0),
        waiting=shorten(budget.waiting, now),
    )


def _untold(budget: Budget, permit: Permit) -> Budget:
    """An answer without headers ends the wait for it: own count alone decides from here."""
    if budget.limit is None or budget.ends_at is None:
        until = max(_others_probe(budget, permit), budget.refused_until)
        return replace(budget, probe_until=until or None)
    # Nothing says that the old window is over; a second after the turn it is.
    turned_at = budget.ends_at - budget.length
    return replace(budget, probe_until=turned_at + ROUNDING, confirmed=True)


def _others_probe(budget: Budget, permit: Permit) -> float:
    """Until when everybody waits for the answer to another request than this one; 0 where nobody does."""
    until = budget.probe_until or 0.0
    return 0.0 if until == permit.taken_at + PROBE_PATIENCE else until
