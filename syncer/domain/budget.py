"""Permit arithmetic for the request budget of one API key. Pure: a budget and a time in, a budget out.

Kombo counts the requests of a key in fixed windows and tells in ``ratelimit-limit``, ``ratelimit-remaining``
and ``ratelimit-reset`` how the current one stands (docs.kombo.dev, "Querying the API").
One ``Budget`` stands for one key and is shared by everything that uses it.

A window's life::

    unknown ──first answer──> open ──its end passes──> provisional ──first answer──> open …

*unknown*: nothing is known of the limit; one request is under way, the others wait for its answer.
*open*: permits are given until ``used`` reaches the limit less the reserve.
*provisional*: a new window has begun by our reckoning; one request is under way to learn when it really
ends. Headers correct an open window downwards at once (others use the key too) and upwards only when
a new one begins.

Which of the server's windows an answer speaks of shows in when that window ends. An answer may be slow, and
its reset is in whole seconds, cut or rounded up. So with *taken* and *arrival* as the times of its permit and
of its arrival, the end lies between ``taken + reset - 1`` and ``arrival + reset + 1``. We go by the smallest
``arrival + reset`` of a window: at most a second early, or late by a second and what the answer took.

- Early: the first request of the next window is still counted in the old one. It is affordable as long as our
  count leaves room for it, and its answer says that the old window runs on; else we wait the second.
- Late: answers show that the server has begun a new window, and so do we.

Requests that are under way while a window turns may be counted in the old or in the new one. Until answers
say so the reserve covers them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

#: Seconds that everybody waits for the one request that learns the limit; then the next one tries.
PROBE_PATIENCE = 10.0
#: Seconds after which those who wait for it look again.
PROBE_POLL = 0.05
#: Seconds a window lasts until the API has told; docs.kombo.dev shows resets of up to a minute.
FIRST_WINDOW = 60.0
#: Seconds by which a told reset may be wrong either way: ``ratelimit-reset`` counts whole seconds.
ROUNDING = 1.0


class Purpose(IntEnum):
    """What a request is for; the smaller goes first, and only WRITE may enter the reserve."""

    WRITE = 0
    WEBHOOK = 1
    INCREMENTAL = 2
    FULL = 3


@dataclass(frozen=True, slots=True)
class Rate:
    """What an answer says of the budget: requests per window, requests left, seconds to the reset."""

    limit: int
    remaining: int
    reset: float


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to send one request, counted in this window of the budget; taken_at: when it was given."""

    window: int
    purpose: Purpose
    taken_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Reserve:
    """Requests of every window that only writes may use: a share of the limit (0..1) or a count."""

    share: float = 0.0
    count: int = 0

    def of(self, limit: int) -> int:
        """The reserve in requests; never the whole window, or reads would starve."""
        return min(max(self.count, round(limit * self.share)), limit - 1)


@dataclass(frozen=True, slots=True)
class Budget:
    """How the current window of a key stands. Times are seconds on the database's clock.

    limit: None while unknown. used: requests counted against the window, ours and, as far as
    answers told, other users'. own: requests of this window that we sent. probe_until: nobody may go before
    that time, because one request is under way to learn the window or because a 429 named it. length:
    seconds of a window, last seen.
    """

    window: int = 0
    limit: int | None = None
    used: int = 0
    own: int = 0
    ends_at: float | None = None
    length: float = FIRST_WINDOW
    probe_until: float | None = None
    confirmed: bool = False
    refusals: int = 0


def take(budget: Budget, now: float, purpose: Purpose, reserve: Reserve) -> tuple[Budget, Permit | float]:
    """A permit, or the seconds to wait before asking again."""
    if now < _refused_until(budget):
        return budget, _refused_until(budget) - now
    if budget.probe_until is not None and now < budget.probe_until:
        return budget, min(PROBE_POLL, budget.probe_until - now)
    budget = _turned(budget, now)
    if budget.limit is not None:
        ceiling = budget.limit if purpose is Purpose.WRITE else budget.limit - reserve.of(budget.limit)
        if budget.used >= ceiling:
            return budget, max(0.0, (_turns_at(budget) or now) - now)
    taken = replace(
        budget,
        used=budget.used + 1,
        own=budget.own + 1,
        probe_until=None if budget.confirmed else now + PROBE_PATIENCE,
    )
    return taken, Permit(taken.window, purpose, now)


def answered(budget: Budget, now: float, permit: Permit, rate: Rate | None) -> Budget:
    """The budget after an answer; rate is None where the answer told nothing."""
    if not budget.confirmed:
        if permit.window != budget.window:
            # Of a request that was counted in an earlier window: it does not tell when this one ends.
            return budget
        return _untold(budget, permit) if rate is None else _learnt(budget, now, rate)
    if rate is None or budget.ends_at is None or budget.limit is None:
        return budget
    ends_after = permit.taken_at + rate.reset - ROUNDING
    if ends_after > budget.ends_at + ROUNDING:
        return _begun(budget, now, rate)
    if permit.window != budget.window and ends_after <= now:
        # It may speak of a window that is over.
        return budget
    return replace(
        budget,
        limit=min(budget.limit, rate.limit),
        used=max(budget.used, rate.limit - rate.remaining),
        # In its last second a window's end is better known from before.
        ends_at=min(budget.ends_at, now + rate.reset) if rate.reset > ROUNDING else budget.ends_at,
    )


def refused(budget: Budget, now: float, permit: Permit, rate: Rate | None, reset: float) -> Budget:
    """The budget after a 429 all the same: the window is used up until the reset (seconds) it names."""
    limit = budget.limit if rate is None else rate.limit
    until = max(now + reset, _refused_until(budget))
    return replace(
        budget,
        limit=limit,
        used=budget.used if limit is None else max(budget.used, limit),
        ends_at=until,
        probe_until=until if limit is not None else max(until, _others_probe(budget, permit)),
        confirmed=limit is not None,
        refusals=budget.refusals + 1,
    )


def _turns_at(budget: Budget) -> float | None:
    """When the next window begins by our reckoning; a second later where there is no room for being early."""
    if budget.ends_at is None:
        return None
    is_used_up = budget.limit is not None and budget.used >= budget.limit
    return budget.ends_at + ROUNDING if is_used_up else budget.ends_at


def _turned(budget: Budget, now: float) -> Budget:
    """The budget with a new, provisional window where the old one has ended."""
    turns_at = _turns_at(budget)
    if turns_at is None or now < turns_at:
        return budget
    return replace(
        budget,
        window=budget.window + 1,
        used=0,
        own=0,
        ends_at=None if budget.limit is None else now + budget.length,
        probe_until=None,
        confirmed=False,
    )


def _learnt(budget: Budget, now: float, rate: Rate) -> Budget:
    """The budget whose window is told by the answer to the one request that went first."""
    used = rate.limit - rate.remaining
    # More requests than ours in a window about to end: it is the old one, which must not be left early again.
    is_old = used > budget.own and rate.reset <= ROUNDING
    return replace(
        budget,
        limit=rate.limit,
        used=max(budget.own, used),
        ends_at=now + rate.reset + (ROUNDING if is_old else 0.0),
        length=max(rate.reset, 1.0) if budget.limit is None else max(budget.length, rate.reset),
        probe_until=_refused_until(budget) or None,
        confirmed=True,
    )


def _begun(budget: Budget, now: float, rate: Rate) -> Budget:
    """The budget where an answer shows that the server began a new window before ours ended."""
    return replace(
        budget,
        window=budget.window + 1,
        limit=rate.limit,
        used=max(1, rate.limit - rate.remaining),
        own=1,
        ends_at=now + rate.reset,
        length=max(rate.reset, 1.0),
    )


def _untold(budget: Budget, permit: Permit) -> Budget:
    """An answer without headers ends the wait for it: own count alone decides from here."""
    if budget.limit is None or budget.ends_at is None:
        until = max(_others_probe(budget, permit), _refused_until(budget))
        return replace(budget, probe_until=until or None)
    # Nothing says that the old window is over; a second after the turn it is.
    turned_at = budget.ends_at - budget.length
    return replace(budget, probe_until=turned_at + ROUNDING, confirmed=True)


def _refused_until(budget: Budget) -> float:
    """Until when a 429 holds everybody back; 0 where none does."""
    if budget.confirmed:
        return budget.probe_until or 0.0
    return (budget.ends_at or 0.0) if budget.limit is None else 0.0


def _others_probe(budget: Budget, permit: Permit) -> float:
    """Until when everybody waits for the answer to another request than this one; 0 where nobody does."""
    until = budget.probe_until or 0.0
    return 0.0 if until == permit.taken_at + PROBE_PATIENCE else until
