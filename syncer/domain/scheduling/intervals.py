"""Decide polling intervals: as configured where the rate limit permits it, else longer for the quiet. Pure.

A change waits for half of its stream's interval on average. Where the streams together may be polled only so
often, all changes together wait least if a stream's interval is proportional to one over the square root of
how often it changes (the intervals T that make the sum of rate * T least while the sum of 1 / T is given).
The factor is the *stretch*, one number for all streams: the smallest with which the schedule fits into the
rate limit, and 0 where it fits as it is.

A longer interval is the shortest one doubled so many times, and ends at times that an integration has in
common for all its streams: when a quiet one is polled, so are the busier ones of its integration, and one
request about the integration serves them all. Times in seconds, rates in changes a second.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from functools import lru_cache
from math import ceil, exp, floor, log2, sqrt
from zlib import crc32

from msgspec import Struct

DAY = 86_400.0
#: Time constant, in seconds, by which the history of changes decays.
MEMORY = 3 * DAY
#: Changes that are added to those observed, since some were missed.
UNSEEN = 0.5
#: Greatest age, in seconds, assumed for the first change that is found of a stream.
NEWS = 900.0
#: How long before a doubling of intervals the first integrations have it, in doublings.
STAGGER = 0.25
#: The share of the permitted requests that a schedule may need. The rest is for what nobody knows before:
#: lists of several pages, retries, more webhooks than lately.
FILL = 0.9
#: How long Kombo's good answer about an integration is good for.
FRESH_FOR = timedelta(minutes=10)
#: Error of the arithmetic with fractions, in seconds.
ROUNDING = 0.001


class IntervalBounds(Struct, frozen=True):
    """Shortest and longest polling interval of a model's streams; the same where it must not be stretched."""

    shortest: float
    longest: float


class ChangeHistory(Struct, frozen=True):
    """Changes that runs found in a stream, and the seconds watched for them; both fade with time.

    Those that a webhook has told of do not count: they wait for no poll. Nothing watched: the stream is new.
    Then it is polled at its shortest interval, and after that as one that changes often, until it turns out
    not to.
    """

    changes: float = 0.0
    watched: float = 0.0

    @property
    def rate(self) -> float | None:
        """Changes a second; None: not known."""
        return change_rate(self.changes, self.watched)


def change_rate(changes: float, watched: float) -> float | None:
    """Compute the changes a second of a history, given by its numbers; None: not known."""
    return (changes + UNSEEN) / watched if watched > 0 else None


class Backlog(Struct, frozen=True):
    """Number of streams that have waited for longer than their interval, and the longest wait."""

    streams: int
    longest: float


class PollProfile(Struct, frozen=True):
    """Polling needs that streams have in common. requests: for each poll of one of them."""

    bounds: IntervalBounds
    rate: float | None
    requests: float = 1.0


def update_history(history: ChangeHistory, elapsed: float, *, changed: bool) -> ChangeHistory:
    """Add a run that looked at what has happened since the one before it, so many seconds ago.

    changed: it found something that had to be written, and that no webhook had told of. Several changes
    between two runs look like one; that matters only to streams that are polled as often as they may be
    anyway.
    """
    if elapsed <= 0:
        return history
    # What lies further back has faded; a clock that was ahead would have watched for years.
    elapsed = min(elapsed, 5 * MEMORY)
    if changed and not history.watched:
        elapsed = min(elapsed, NEWS)
    kept = exp(-elapsed / MEMORY)
    return ChangeHistory(history.changes * kept + changed, history.watched * kept + elapsed)


def poll_interval(integration_id: str, bounds: IntervalBounds, rate: float | None, stretch: float) -> float:
    """Compute the interval of a stream with this rate of changes; None: not known, so the shortest.

    Shortly before a doubling some integrations have it already: many streams have the same rate, and would
    all take the step at once, so that much of what is permitted would be left over.
    """
    ahead = STAGGER * _offset(integration_id) / 2**32
    return bounds.shortest * 2.0 ** floor(_doublings(bounds, rate, stretch) + ahead)


def _doublings(bounds: IntervalBounds, rate: float | None, stretch: float) -> float:
    """Compute how often the shortest interval is to be doubled, as a fraction."""
    if stretch <= 0 or rate is None or bounds.longest < 2 * bounds.shortest:
        return 0.0
    times = max(1.0, stretch / sqrt(rate) / bounds.shortest)
    return min(log2(times), floor(log2(bounds.longest / bounds.shortest)))


def next_poll(
    integration_id: str, bounds: IntervalBounds, rate: float | None, stretch: float, last: float
) -> float:
    """Compute when to poll a stream after its last poll; times in seconds since 1970.

    Doubled intervals end at times of the integration; integrations have theirs at different times.
    """
    length = poll_interval(integration_id, bounds, rate, stretch)
    if length <= bounds.shortest:
        return last + bounds.shortest
    offset = _offset(integration_id)
    return max(last + bounds.shortest, (floor((last + offset) / length) + 1) * length - offset)


def is_poll_due(
    integration_id: str, bounds: IntervalBounds, rate: float | None, stretch: float, last: float, tick: float
) -> bool:
    """Tell whether a tick of the schedule polls a stream, or leaves it out until its interval has passed.

    Every tick polls a stream at its shortest interval: the ticks of a cron expression are not all equally far
    apart.
    """
    if poll_interval(integration_id, bounds, rate, stretch) <= bounds.shortest:
        return True
    return next_poll(integration_id, bounds, rate, stretch, last) <= tick + ROUNDING


@lru_cache(maxsize=100_000)
def _offset(integration_id: str) -> int:
    """Hash an integration to a number of seconds below 2 ** 32, seldom another's."""
    return crc32(integration_id.encode())


def request_rate(profiles: Mapping[PollProfile, float], stretch: float) -> float:
    """Compute the requests a second that so many streams of each profile need, if of many integrations."""
    return sum(number * each.requests * _polls(each, stretch) for each, number in profiles.items())


def _polls(profile: PollProfile, stretch: float) -> float:
    """Compute the polls a second of a stream of this profile, on average over all integrations."""
    doublings = _doublings(profile.bounds, profile.rate, stretch)
    whole = floor(doublings)
    ahead = max(0.0, (doublings - whole - 1 + STAGGER) / STAGGER)
    return (1 - ahead / 2) / (profile.bounds.shortest * 2.0**whole)


def fit_stretch(profiles: Mapping[PollProfile, float], permitted: float) -> float:
    """Find the smallest stretch with which the streams need no more requests a second than are permitted.

    Where none does, one with which all are polled as seldom as they may be.
    """
    if request_rate(profiles, 0.0) <= permitted:
        return 0.0
    low, high = 0.0, max(each.bounds.longest * sqrt(each.rate or 0.0) for each in profiles)
    if request_rate(profiles, high) > permitted:
        return high
    while high - low > high * 0.001:
        middle = (low + high) / 2
        low, high = (low, middle) if request_rate(profiles, middle) <= permitted else (middle, high)
    return high


def group(streams: Collection[tuple[str, PollProfile]]) -> Counter[PollProfile]:
    """Count streams, given with their integrations, by profile."""
    # Many streams share one object, and to hash that takes longer than all else.
    profiles = {id(each): each for _, each in streams}
    found: Counter[PollProfile] = Counter()
    for which, number in Counter(id(each) for _, each in streams).items():
        found[profiles[which]] += number
    return found


def group_integrations(streams: Iterable[tuple[str, PollProfile]], good_for: float) -> Counter[PollProfile]:
    """Count the requests about the streams' integrations by profiles of their own.

    One comes with the busiest stream of an integration, unless the last answer is still good, so many seconds
    long.
    """
    busiest: dict[str, tuple[IntervalBounds, float | None]] = {}
    for integration_id, each in streams:
        rate, found_before = each.rate, busiest.get(integration_id)
        if found_before is None:
            busiest[integration_id] = each.bounds, rate
            continue
        bounds, most = found_before
        is_shorter = each.bounds.shortest < bounds.shortest
        # Nothing known of a stream: it is polled at its shortest.
        is_busier = most is not None and (rate is None or rate > most)
        if is_shorter or is_busier:
            busiest[integration_id] = each.bounds if is_shorter else bounds, rate if is_busier else most
    found: Counter[PollProfile] = Counter()
    for bounds, most in busiest.values():
        shortest = bounds.shortest * max(1, ceil(good_for / bounds.shortest))
        found[PollProfile(IntervalBounds(shortest, max(shortest, bounds.longest)), most)] += 1
    return found


def quantize(rate: float | None) -> float | None:
    """Round a rate to an eighth, so that tens of thousands of streams have some dozens of profiles."""
    if rate is None:
        return None
    return float(2.0 ** (round(log2(rate) * 6) / 6))


def measure_backlog(waits: Iterable[tuple[float, float]]) -> Backlog | None:
    """Measure how far a schedule is behind, from waits of streams and their intervals; None: it is not."""
    late = [wait for wait, length in waits if wait > length]
    return Backlog(len(late), max(late)) if late else None
