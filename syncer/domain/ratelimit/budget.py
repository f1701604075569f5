"""Grant permits from the rate-limit budget of one API key. Pure: a budget and a time in, a budget out.

Kombo counts the requests of a key in fixed windows and tells in ``ratelimit-limit``, ``ratelimit-remaining``
and ``ratelimit-reset`` how the current one stands (docs.kombo.dev, "Querying the API").
One ``Budget`` stands for one key and is shared by everything that uses it.

A window's life::

    unknown ──first answer──> open ──its end passes──> provisional ──first answer──> open …

*unknown*: nothing is known of the limit; one request is in flight, the others wait for its answer.
*open*: permits are given until ``used`` reaches the limit less the reserve.
*provisional*: a new window has begun by our reckoning; one request is in flight to learn when it really
ends, and writes that fit into the reserve do not wait for it.
Headers correct an open window downwards at once (others use the key too) and upwards only when
a new one begins.

When a window ends shows in its answers. One may be slow, and its reset is in whole seconds. So with *taken*
and *arrival* as the times of its permit and of its arrival, the end lies after ``taken + reset - 1`` (the
greatest is ``earliest_end``) and, where the server rounds up as nearly all do, not after ``arrival + reset``
(the smallest is ``ends_at``). When that has passed, we go on.

- Early: a server that rounds down or to the nearest counts our next request in the old window still. The
  answer to it, or a 429, says that the old window runs on: from then on we go on ``reset_skew`` later. With a
  reserve there is room for that request; without one this costs a 429 at one rollover (now and then another
  one, to what is in flight just then), and the requests are repeated.
- Late: answers show that the server has begun a new window, and so do we.

Requests that are in flight while a window rolls over may be counted in the old or in the new one. They
(``in_flight_previous``) count against the new one until their answers come or it ends. What answers told
(``used``) may include them already, and includes what we count ourselves (``sent``): so the larger of
``used`` and ``sent + in_flight_previous`` counts (``effective_used``), and nothing counts twice. That is
exact while nobody else uses the key, and safe while others stay within the reserve. What others use beyond it
may take the place of a request of ours: a 429, too. So may a request that is in flight for longer than a
window lasts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from syncer.domain.ratelimit.waiters import Waiting, announce, stands_back
from syncer.domain.ratelimit.webhook_share import kept, next_expected

#: Seconds that everybody waits for the one request that learns the limit; then the next one tries.
PROBE_PATIENCE = 10.0
#: Seconds after which those look again who wait for what another process does.
POLL = 0.05
#: Seconds a window lasts until the API has told; docs.kombo.dev shows resets of up to a minute.
FIRST_WINDOW = 60.0
#: Seconds by which a told reset may be wrong either way: ``ratelimit-reset`` counts whole seconds.
ROUNDING = 1.0
#: Seconds that a window's end may lie ahead, be its length shorter: a 429 may name a later reset.
LONGEST_WAIT = 300.0

#: How reads use a window: as fast as permitted, or spread over it.
Pacing = Literal["burst", "even"]


class Purpose(IntEnum):
    """Priority class of a request: the smaller goes first, and only WRITE may enter the reserve."""

    WRITE = 0
    WEBHOOK = 1
    INCREMENTAL = 2
    FULL = 3


#: Purposes of streams that somebody has told of: an application by its write, Kombo by a webhook.
TOLD = frozenset({Purpose.WRITE, Purpose.WEBHOOK})


class Rate(Struct, frozen=True):
    """Rate-limit headers of an answer: requests per window, requests left, seconds to the reset."""

    limit: int
    remaining: int
    reset: float


class Permit(Struct, frozen=True):
    """Permission to send one request, counted in this window of the budget; taken_at: when it was granted.

    is_first: it was the first after a window's end had just passed, by our reckoning.
    """

    window: int
    purpose: Purpose
    taken_at: float = 0.0
    is_first: bool = False


class Reserve(Struct, frozen=True):
    """Part of every window that only writes may use: a share of the limit (0..1) or a count of requests."""

    share: float = 0.0
    count: int = 0

    def of(self, limit: int) -> int:
        """Give the reserve in requests; never the whole window, or reads would starve."""
        return min(max(self.count, round(limit * self.share)), limit - 1)


class Budget(Struct, frozen=True):
    """Rate-limit window of one key. Times are seconds on the database's clock.

    limit: None while unknown. used: requests counted against the window, ours and, as far as answers told,
    other users'. sent: those of them that we sent. in_flight, in_flight_previous: permits of this window and
    of the one before that are not answered yet. The window ends after earliest_end and, but for reset_skew
    (seconds), before ends_at. length: seconds of a window, last seen. probe_until: nobody may go before that
    time, because one request is in flight to learn the window or because a 429 named it. paced_until: reads
    that are spread over the window wait until then. refusals: how many 429s came. by_webhooks: requests of
    this window that webhooks asked for; webhooks_expected: so many of them in a window, by those before.
    """

    window: int = 0
    limit: int | None = None
    used: int = 0
    sent: int = 0
    in_flight: int = 0
    in_flight_previous: int = 0
    ends_at: float | None = None
    earliest_end: float = 0.0
    length: float = FIRST_WINDOW
    reset_skew: float = 0.0
    probe_until: float | None = None
    paced_until: float = 0.0
    confirmed: bool = False
    refusals: int = 0
    waiting: tuple[Waiting, ...] = ()
    by_webhooks: int = 0
    webhooks_expected: float = 0.0

    @property
    def rolls_over_at(self) -> float | None:
        """Start of the next window by our reckoning; None while nothing is known of this one."""
        return None if self.ends_at is None else self.ends_at + self.reset_skew

    @property
    def refused_until(self) -> float:
        """End of the wait that a 429 imposes on everybody; 0 where none does."""
        if self.confirmed:
            return self.probe_until or 0.0
        return (self.ends_at or 0.0) if self.limit is None else 0.0

    @property
    def effective_used(self) -> int:
        """Requests that count against the window, those included that may turn out to be in it."""
        return max(self.used, self.sent + self.in_flight_previous)


def take(
    budget: Budget,
    now: float,
    purpose: Purpose,
    reserve: Reserve,
    pacing: Pacing = "burst",
    owner: str = "",
) -> tuple[Budget, Permit | float]:
    """Grant a permit, or give the seconds to wait before the next attempt; owner: the process that asks.

    Only WRITE may enter the reserve. With the pacing "even" scheduled reads are throttled: spread over the
    window.
    """
    if now < budget.refused_until:
        return budget, budget.refused_until - now
    is_probed = budget.probe_until is not None and now < budget.probe_until
    if budget.probe_until is not None and is_probed and not _may_pass_probe(budget, purpose, reserve):
        return budget, min(POLL, budget.probe_until - now)
    former, budget = budget, _roll_over(budget, now)
    is_first = budget.window > former.window and now < (former.ends_at or 0.0) + ROUNDING
    paced_until = budget.paced_until
    if budget.limit is not None:
        ceiling = budget.limit if purpose is Purpose.WRITE else budget.limit - reserve.of(budget.limit)
        rolls_over_in = max(0.0, (budget.rolls_over_at or now) - now)
        left = ceiling - budget.effective_used
        if left <= 0:
            # The answers to what is in flight from before may come at any moment.
            return budget, rolls_over_in if budget.used >= ceiling else min(POLL, rolls_over_in)
        if purpose >= Purpose.INCREMENTAL:
            share = kept(budget.webhooks_expected, rolls_over_in / budget.length, ceiling)
            left -= share
            if left <= 0:
                # One more is free each time that one fewer is expected.
                return budget, max(POLL, rolls_over_in / (share + 1))
            if pacing == "even":
                if now < paced_until:
                    return budget, paced_until - now
                paced_until = now + rolls_over_in / left
    if stands_back(budget.waiting, owner, purpose, now):
        return former, POLL
    taken = replace(
        budget,
        used=budget.used + 1,
        sent=budget.sent + 1,
        in_flight=budget.in_flight + 1,
        probe_until=_probe_until(budget, now),
        paced_until=paced_until,
        by_webhooks=budget.by_webhooks + (purpose is Purpose.WEBHOOK),
    )
    return taken, Permit(taken.window, purpose, now, is_first)


def _may_pass_probe(budget: Budget, purpose: Purpose, reserve: Reserve) -> bool:
    """Tell whether a request need not wait for the one that learns when a window ends.

    Should the old window run on, a write still fits into its reserve.
    """
    is_known = budget.limit is not None and reserve.of(budget.limit) > 0
    return purpose is Purpose.WRITE and is_known and not budget.confirmed


def _probe_until(budget: Budget, now: float) -> float | None:
    """Give the time until which others wait for what a request learns that goes out now."""
    if budget.confirmed:
        return None
    is_probed = budget.probe_until is not None and now < budget.probe_until
    return budget.probe_until if is_probed else now + PROBE_PATIENCE


def take_several(
    budget: Budget,
    now: float,
    wanted: Mapping[Purpose, int],
    reserve: Reserve,
    pacing: Pacing = "burst",
    owner: str = "",
) -> tuple[Budget, list[Permit], float | None]:
    """Grant permits for what a process has waiting, by purpose; with the seconds to wait where too few.

    The less urgent stand back while something more urgent waits. What has to wait is announced to the others.
    """
    permits: list[Permit] = []
    wait: float | None = None
    for purpose in sorted(purpose for purpose, count in wanted.items() for _ in range(count)):
        budget, answer = take(budget, now, purpose, reserve, pacing, owner)
        if not isinstance(answer, Permit):
            wait = answer
            break
        permits.append(answer)
    left = Counter({int(each): count for each, count in wanted.items()})
    left.subtract(int(permit.purpose) for permit in permits)
    waiting = announce(budget.waiting, owner, left, now, now + (wait or 0.0))
    return replace(budget, waiting=waiting), permits, wait


def _roll_over(budget: Budget, now: float) -> Budget:
    """Begin a new, provisional window where the old one has ended."""
    rolls_over_at = budget.rolls_over_at
    if rolls_over_at is None or now < rolls_over_at:
        return budget
    return replace(
        budget,
        window=budget.window + 1,
        used=0,
        sent=0,
        in_flight=0,
        in_flight_previous=budget.in_flight,
        ends_at=None if budget.limit is None else now + budget.length,
        earliest_end=max(now, budget.earliest_end + budget.length - ROUNDING),
        probe_until=None,
        confirmed=False,
        **after_window(budget),
    )


def after_window(budget: Budget) -> dict[str, Any]:
    """Count what webhooks ask for anew, and expect as much of the next window."""
    expected = next_expected(budget.webhooks_expected, budget.by_webhooks)
    return {"by_webhooks": 0, "webhooks_expected": expected}
