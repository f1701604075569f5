"""How often a stream is asked: as configured where the budget permits it, else the quiet ones seldomer. Pure.

A change waits for half of its stream's interval on average. Where the streams together may be asked only so
often, all changes together wait least if a stream's interval is proportional to one over the square root of
how often it changes (the intervals T that make the sum of rate * T least while the sum of 1 / T is given).
The factor is the *stretch*, one number for all streams: the smallest with which the schedule fits into the
budget, and 0 where it fits as it is.

A longer interval is the shortest one doubled so many times, and comes round at times that an integration has
in common for all its streams: when a quiet one is asked, so are the busier ones of its integration, and one
question to Kombo about the integration serves them all. Times in seconds, rates in changes a second.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, exp, floor, log2, sqrt
from zlib import crc32

DAY = 86_400.0
#: What was seen so long ago counts for a third.
MEMORY = 3 * DAY
#: Changes that a stream is believed to have had besides those that were seen.
UNSEEN = 0.5
#: A change of a stream of which nothing was known is believed to be no older: a webhook has just told of it.
NEWS = 900.0
#: How long before a doubling of intervals the first integrations have it, in doublings.
BLUR = 0.25
#: The share of the permitted requests that a schedule may need. The rest is for what nobody knows before:
#: lists of several pages, retries, webhooks.
FILL = 0.9


@dataclass(frozen=True, slots=True)
class Pace:
    """The shortest and the longest interval of a model's streams; the same where it must not be stretched."""

    every: float
    longest: float


@dataclass(frozen=True, slots=True)
class Seen:
    """What runs found of a stream: how many changes, watched for how long; both fade with time.

    Nothing watched: it is new, or a webhook has told of a change. Then it is asked at its shortest, and after
    that as one that changes often, until it turns out not to.
    """

    changes: float = 0.0
    watched: float = 0.0

    @property
    def rate(self) -> float | None:
        """How often it changes; None: not known."""
        return (self.changes + UNSEEN) / self.watched if self.watched > 0 else None


@dataclass(frozen=True, slots=True)
class Behind:
    """So many streams have waited for longer than their interval, the longest for so many seconds."""

    streams: int
    longest: float


@dataclass(frozen=True, slots=True)
class Asked:
    """Streams that are alike: so many requests each time they are asked."""

    pace: Pace
    rate: float | None
    requests: float = 1.0


def after_run(seen: Seen, elapsed: float, *, changed: bool) -> Seen:
    """What is known after a run that looked at what has happened since the one before it.

    changed: it found something that had to be written. Several changes between two runs look like one; that
    matters only to streams that are asked as often as they may be anyway.
    """
    if elapsed <= 0:
        return seen
    if changed and not seen.watched:
        elapsed = min(elapsed, NEWS)
    kept = exp(-elapsed / MEMORY)
    return Seen(seen.changes * kept + changed, seen.watched * kept + elapsed)


def interval(integration_id: str, pace: Pace, rate: float | None, stretch: float) -> float:
    """How long after its last turn a stream is asked again.

    Shortly before a doubling some integrations have it already: many streams have the same rate, and would
    all take the step at once.
    """
    ahead = BLUR * _number(integration_id) / 2**32
    return pace.every * 2.0 ** floor(_doublings(pace, rate, stretch) + ahead)


def _doublings(pace: Pace, rate: float | None, stretch: float) -> float:
    """How often the shortest interval is to be doubled, as a fraction."""
    if stretch <= 0 or rate is None or pace.longest < 2 * pace.every:
        return 0.0
    times = max(1.0, stretch / sqrt(rate) / pace.every)
    return min(log2(times), floor(log2(pace.longest / pace.every)))


def next_turn(integration_id: str, pace: Pace, rate: float | None, stretch: float, last: float) -> float:
    """When a stream is to be asked again that had its last turn then; times in seconds since 1970.

    Doubled intervals end at times of the integration; integrations have theirs at different times.
    """
    length = interval(integration_id, pace, rate, stretch)
    if length <= pace.every:
        return last + pace.every
    offset = _number(integration_id)
    return max(last + pace.every, (floor((last + offset) / length) + 1) * length - offset)


@lru_cache(maxsize=100_000)
def _number(integration_id: str) -> int:
    """A number below 2 ** 32 that is the integration's own, and seldom another's."""
    return crc32(integration_id.encode())


def load(asked: Mapping[Asked, float], stretch: float) -> float:
    """Requests a second that so many streams of each kind need, if they belong to many integrations."""
    return sum(number * each.requests * _turns(each, stretch) for each, number in asked.items())


def _turns(asked: Asked, stretch: float) -> float:
    """Turns a second of streams of this kind, on average over all integrations."""
    doublings = _doublings(asked.pace, asked.rate, stretch)
    whole = floor(doublings)
    ahead = max(0.0, (doublings - whole - 1 + BLUR) / BLUR)
    return (1 - ahead / 2) / (asked.pace.every * 2.0**whole)


def fitting_stretch(asked: Mapping[Asked, float], permitted: float) -> float:
    """The smallest stretch with which the streams need no more requests a second than are permitted.

    Where none does, one with which all are asked as seldom as they may be.
    """
    if load(asked, 0.0) <= permitted:
        return 0.0
    low, high = 0.0, max(each.pace.longest * sqrt(each.rate or 0.0) for each in asked)
    if load(asked, high) > permitted:
        return high
    while high - low > high * 0.001:
        middle = (low + high) / 2
        low, high = (low, middle) if load(asked, middle) <= permitted else (middle, high)
    return high


def alike(streams: Iterable[tuple[str, Asked]]) -> Counter[Asked]:
    """Streams by their kind, given with their integrations."""
    return Counter(kind for _, kind in streams)


def about_integrations(streams: Iterable[tuple[str, Asked]], good_for: float) -> Counter[Asked]:
    """The questions about the streams' integrations, as kinds of their own.

    One comes with the busiest stream of an integration, unless the last answer is still good, so many seconds
    long.
    """
    busiest: dict[str, tuple[Pace, float | None]] = {}
    for integration_id, each in streams:
        pace, most = busiest.get(integration_id, (each.pace, each.rate))
        # Nothing known of a stream: it is asked at its shortest.
        most = None if most is None or each.rate is None else max(most, each.rate)
        busiest[integration_id] = min(pace, each.pace, key=lambda one: one.every), most
    found: Counter[Asked] = Counter()
    for pace, most in busiest.values():
        every = pace.every * max(1, ceil(good_for / pace.every))
        found[Asked(Pace(every, max(every, pace.longest)), most)] += 1
    return found


def near(rate: float | None) -> float | None:
    """The rate to an eighth, so that streams that change about as often are alike."""
    if rate is None:
        return None
    return float(2.0 ** (round(log2(rate) * 6) / 6))


def behind(waits: Iterable[tuple[float, float]]) -> Behind | None:
    """How far a schedule is behind, from waits of streams and their intervals; None: it is not."""
    late = [wait for wait, length in waits if wait > length]
    return Behind(len(late), max(late)) if late else None
