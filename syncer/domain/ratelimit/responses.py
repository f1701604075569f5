"""Update the rate-limit budget from responses: the other half of ``budget.py``. Pure.

A response corrects how much of the window is used and when it ends, tells that the server has begun a new one
or that the old one runs on; and its request is in flight no longer.
"""

from __future__ import annotations

from msgspec.structs import replace

from syncer.domain.ratelimit.budget import (
    LONGEST_WAIT,
    PROBE_PATIENCE,
    ROUNDING,
    Budget,
    Permit,
    Rate,
    after_window,
)
from syncer.domain.ratelimit.waiters import shorten


def answered(budget: Budget, now: float, permit: Permit, rate: Rate | None) -> Budget:
    """Update the budget from a response; rate is None where the response had no rate-limit headers."""
    arrived = _take_out_of_flight(budget, now, permit, rate)
    if not budget.confirmed:
        if permit.window != budget.window:
            # Of a request that was counted in an earlier window: it does not tell when this one ends.
            return arrived
        return (
            _confirm_without_headers(arrived, permit)
            if rate is None
            else _confirm(arrived, now, permit, rate)
        )
    if rate is None or budget.ends_at is None or budget.limit is None:
        return arrived
    ends_after = permit.taken_at + rate.reset - ROUNDING
    if ends_after > budget.ends_at + ROUNDING:
        in_flight = budget.in_flight - (permit.window == budget.window)
        return _begin_window(replace(budget, in_flight=in_flight), now, ends_after, rate)
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
        earliest_end=max(budget.earliest_end, ends_after) if is_of_this else budget.earliest_end,
    )


def refused(budget: Budget, now: float, permit: Permit, rate: Rate | None, reset: float) -> Budget:
    """Update the budget after a 429: the window is used up until the reset (seconds) it names."""
    limit = budget.limit if rate is None else rate.limit
    until = max(now + reset, budget.refused_until)
    ran_on = not budget.confirmed and rate is not None and _is_old(budget, permit, rate)
    reset_skew = ROUNDING if ran_on else budget.reset_skew
    return replace(
        budget,
        limit=limit,
        used=budget.used if limit is None else max(budget.used, limit),
        in_flight=max(0, budget.in_flight - (permit.window == budget.window)),
        in_flight_previous=max(0, budget.in_flight_previous - (permit.window == budget.window - 1)),
        # Other users may have brought it about: the reset may be rounded down for all that we have learnt.
        ends_at=until if limit is None else until + ROUNDING - reset_skew,
        earliest_end=now if rate is None else permit.taken_at + rate.reset - ROUNDING,
        # A wait that is longer than any window would not be believed.
        length=max(budget.length, reset) if reset > LONGEST_WAIT else budget.length,
        reset_skew=reset_skew,
        probe_until=until if limit is not None else max(until, _others_probe(budget, permit)),
        confirmed=limit is not None,
        refusals=budget.refusals + 1,
    )


def _take_out_of_flight(budget: Budget, now: float, permit: Permit, rate: Rate | None) -> Budget:
    """Take a request out of flight, counted in the window in which the server may have it.

    Gives the same budget where that may be the server's next window: it stays in flight into ours.
    """
    # No window that began later ends before this, and none that began earlier after it.
    speaks_of = None if rate is None else now + rate.reset + budget.reset_skew
    if permit.window == budget.window:
        next_ends_after = budget.earliest_end + budget.length - ROUNDING
        is_counted = not budget.confirmed or now <= budget.earliest_end
        if is_counted or speaks_of is None or speaks_of <= next_ends_after:
            return replace(budget, in_flight=max(0, budget.in_flight - 1))
        return budget
    if permit.window != budget.window - 1 or budget.in_flight_previous == 0:
        return budget
    is_former = speaks_of is not None and speaks_of <= budget.earliest_end
    sent = budget.sent if is_former else budget.sent + 1
    return replace(
        budget, in_flight_previous=budget.in_flight_previous - 1, sent=sent, used=max(budget.used, sent)
    )


def _is_old(budget: Budget, permit: Permit, rate: Rate) -> bool:
    """Tell whether the first response after a window's expected end shows that it runs on."""
    is_ending = rate.reset <= ROUNDING and rate.reset < budget.length
    return permit.is_first and permit.window == budget.window and is_ending


def _confirm(budget: Budget, now: float, permit: Permit, rate: Rate) -> Budget:
    """Confirm a provisional window by the response to the one request that went first."""
    used = rate.limit - rate.remaining
    # More requests than ours in a window about to end: it is the old one, which must not be left early again.
    ran_on = used > budget.sent + budget.in_flight_previous and rate.reset <= ROUNDING
    reset_skew = ROUNDING if ran_on and _is_old(budget, permit, rate) else budget.reset_skew
    return replace(
        budget,
        limit=rate.limit,
        used=max(budget.sent, used),
        ends_at=now + rate.reset + (ROUNDING - reset_skew if ran_on else 0.0),
        earliest_end=permit.taken_at + rate.reset - ROUNDING,
        length=max(rate.reset, 1.0) if budget.limit is None else max(budget.length, rate.reset),
        reset_skew=reset_skew,
        probe_until=budget.refused_until or None,
        confirmed=True,
    )


def _begin_window(budget: Budget, now: float, ends_after: float, rate: Rate) -> Budget:
    """Begin a new window where a response shows that the server did so before ours ended."""
    return replace(
        budget,
        window=budget.window + 1,
        limit=rate.limit,
        used=max(1, rate.limit - rate.remaining),
        sent=1,
        in_flight=0,
        in_flight_previous=budget.in_flight,
        ends_at=now + rate.reset,
        earliest_end=ends_after,
        length=max(rate.reset, 1.0),
        waiting=shorten(budget.waiting, now),
        **after_window(budget),
    )


def _confirm_without_headers(budget: Budget, permit: Permit) -> Budget:
    """End the wait for a response that came without headers: our own count alone decides from here."""
    if budget.limit is None or budget.ends_at is None:
        until = max(_others_probe(budget, permit), budget.refused_until)
        return replace(budget, probe_until=until or None)
    # Nothing says that the old window is over; a second after the rollover it is.
    rolled_over_at = budget.ends_at - budget.length
    return replace(budget, probe_until=rolled_over_at + ROUNDING, confirmed=True)


def _others_probe(budget: Budget, permit: Permit) -> float:
    """Give the end of the wait for another request than this one that probes the window; 0: none does."""
    until = budget.probe_until or 0.0
    return 0.0 if until == permit.taken_at + PROBE_PATIENCE else until
