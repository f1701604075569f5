"""Measure how old changes are when they arrive: polled at a fixed interval, and as often as they change.

    python -m benchmarks.freshness                        100, 1,000 and 10,000 integrations: four minutes
    python -m benchmarks.freshness --integrations 1000    only so many

Nothing is asked and nobody waits: a virtual clock, and the program's own decisions about intervals, order of
the due, round-robin and budget. Kombo permits 300 requests in 60 seconds; a tenth is kept in reserve. Each
integration has 12 streams, eight runs go on at once, and an answer takes 0.2 seconds.

Changes: a Poisson process for each stream, at work (ten hours of a day, which begin at another time for each
integration). How many it has a day is drawn from a log-normal distribution: half of the streams have fewer
than one in five days, one in a hundred more than twenty a day. The days before the last one are for
learning; what arrives on the last day counts, by the time between change and arrival.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from itertools import count
from math import ceil, exp
from statistics import mean, median, quantiles

from syncer.domain.ratelimit.budget import Budget, Permit, Purpose, Rate, Reserve, take
from syncer.domain.ratelimit.responses import answered
from syncer.domain.scheduling.fairness import next_stream, sort_due
from syncer.domain.scheduling.intervals import (
    DAY,
    FILL,
    ChangeHistory,
    IntervalBounds,
    PollProfile,
    fit_stretch,
    group,
    group_integrations,
    next_poll,
    quantize,
    update_history,
)
from syncer.domain.stream_key import StreamKey

HOUR = 3_600.0
MODELS = 12
LIMIT, WINDOW = 300, 60.0
RESERVE = Reserve(share=0.1)
EVERY, LONGEST = 900.0, DAY
PLACES, LATENCY = 8, 0.2
#: Streams that are considered at a time; the service has more, which makes no difference here but for time.
CANDIDATES = 16
#: For how long the answer to a question about an integration is good.
ABOUT = 600.0
#: How often the stretch is found anew.
STRETCH_EVERY = 2 * HOUR
#: Changes a day of the median stream, and how far the streams are apart.
MEDIAN, SPREAD = 0.2, 2.0
WORKDAY, BEGINS = 10 * HOUR, 8 * HOUR


@dataclass(slots=True)
class Stream:
    """Stream at the source and here. next: its next change, counted in hours of work; marked: its tick."""

    key: StreamKey
    phase: float
    rate: float
    zone: float
    next: float = 0.0
    marked: float = 0.0
    asked_at: float | None = None
    seen: ChangeHistory = field(default_factory=ChangeHistory)


@dataclass(frozen=True, slots=True)
class Found:
    """Ages of changes as they arrived, in seconds, and what it took."""

    ages: list[float]
    requests: int
    refused: int

    @property
    def median(self) -> float:
        return median(self.ages)

    @property
    def mean(self) -> float:
        return mean(self.ages)

    @property
    def ninety_five(self) -> float:
        return quantiles(self.ages, n=20)[-1]


class Server:
    """Kombo's side of the limit: fixed windows."""

    def __init__(self, limit: int) -> None:
        self.limit, self.ends, self.used, self.refused = limit, 0.0, 0, 0

    def ask(self, now: float) -> Rate:
        if now >= self.ends:
            self.ends, self.used = now + WINDOW, 0
        self.used += 1
        self.refused += self.used > self.limit
        return Rate(self.limit, max(0, self.limit - self.used), float(ceil(self.ends - now)))


def real(stream: Stream) -> float:
    """Compute the time of the stream's next change: work goes on for ten hours of each day."""
    days, inside = divmod(stream.next, WORKDAY)
    return days * DAY + stream.zone + inside


class Simulation:
    """Simulation of so many integrations and days. longest: the longest interval; EVERY: a fixed one."""

    def __init__(
        self, integrations: int, *, longest: float, days: float, seed: int = 1, limit: int = LIMIT
    ) -> None:
        self.chance = random.Random(seed)
        self.bounds = IntervalBounds(EVERY, longest)
        self.end = days * DAY
        self.now = 0.0
        self.budget, self.server = Budget(), Server(limit)
        self.stretch = 0.0
        self.turns: dict[str, int] = {}
        self.running: dict[StreamKey, Stream] = {}
        self.due: dict[StreamKey, int] = {}
        self.asked_about: dict[str, float] = {}
        self.ages: list[float] = []
        self.requests = 0
        phases = [self.chance.uniform(0, 30) for _ in range(MODELS)]
        self.streams: dict[StreamKey, Stream] = {}
        for number in range(integrations):
            zone = BEGINS - 24 * HOUR + self.chance.uniform(0, 24) * HOUR
            for model in range(MODELS):
                key = StreamKey(f"tool:{number}", f"model_{model:02}")
                rate = MEDIAN * exp(self.chance.gauss(0, SPREAD)) / WORKDAY
                self.streams[key] = Stream(key, phases[model], rate, zone)
        for stream in self.streams.values():
            self.change(stream)
        #: When streams become due, and those that are due with how long they have been.
        self.ticks = [(stream.phase, key) for key, stream in self.streams.items()]
        heapify(self.ticks)
        self.waiting: list[tuple[int, float, StreamKey]] = []
        self.numbers = count()
        self.events: list[tuple[float, int, Iterator[float]]] = []

    def run(self) -> Found:
        """Let the time pass; give what arrived."""
        for _ in range(PLACES):
            heappush(self.events, (0.0, next(self.numbers), self.place()))
        heappush(self.events, (0.0, next(self.numbers), self.adapt()))
        while self.events and self.events[0][0] < self.end:
            self.now, _, work = heappop(self.events)
            heappush(self.events, (self.now + next(work), next(self.numbers), work))
        return Found(self.ages, self.requests, self.server.refused)

    def adapt(self) -> Iterator[float]:
        """Find the stretch anew, as the service does."""
        limit = self.server.limit
        permitted = (limit - RESERVE.of(limit)) / WINDOW * FILL
        while True:
            if self.bounds.longest > self.bounds.shortest:
                polled = [
                    (key.integration_id, PollProfile(self.bounds, quantize(each.seen.rate)))
                    for key, each in self.streams.items()
                ]
                self.stretch = fit_stretch(group(polled) + group_integrations(polled, ABOUT), permitted)
            yield STRETCH_EVERY

    def place(self) -> Iterator[float]:
        """Run one stream after the other: one of the places for runs at once."""
        while True:
            key = self.choose()
            if key is None:
                yield max(0.05, self.ticks[0][0] - self.now) if self.ticks else 1.0
                continue
            stream = self.streams[key]
            self.running[key] = stream
            self.turns[key.integration_id] = next(self.numbers)
            if self.now - self.asked_about.get(key.integration_id, -DAY) >= ABOUT:
                self.asked_about[key.integration_id] = self.now
                yield from self.request()
            began = self.now
            yield from self.request()
            self.arrive(stream, began)
            del self.running[key]

    def choose(self) -> StreamKey | None:
        """Pick the stream to poll next: the order of the due, round-robin among integrations."""
        while self.ticks and self.ticks[0][0] <= self.now:
            at, key = heappop(self.ticks)
            heappush(self.waiting, (int(Purpose.INCREMENTAL), at, key))
        if len(self.due) < CANDIDATES // 2:
            while self.waiting and len(self.due) < CANDIDATES:
                rank, _, key = heappop(self.waiting)
                self.due[key] = rank
        chosen = next_stream(sort_due(self.due, self.turns), self.running)
        if chosen is not None:
            del self.due[chosen]
        return chosen

    def request(self) -> Iterator[float]:
        """Take a permit, and wait for the response to a request."""
        while True:
            self.budget, permit = take(self.budget, self.now, Purpose.INCREMENTAL, RESERVE)
            if isinstance(permit, Permit):
                break
            yield max(permit, 0.001)
        rate = self.server.ask(self.now)
        self.requests += 1
        yield LATENCY
        self.budget = answered(self.budget, self.now, permit, rate)

    def arrive(self, stream: Stream, began: float) -> None:
        """Receive what changed until the request was sent."""
        changed = False
        while (at := real(stream)) <= began:
            changed = True
            if self.now >= self.end - DAY:
                self.ages.append(self.now - at)
            self.change(stream)
        if stream.asked_at is not None:
            stream.seen = update_history(stream.seen, began - stream.asked_at, changed=changed)
        stream.asked_at = began
        # Ticks that came while it waited have counted, too.
        tick = self.tick(stream)
        while tick <= self.now:
            stream.marked = tick
            tick = self.tick(stream)
        heappush(self.ticks, (tick, stream.key))
        stream.marked = tick

    def tick(self, stream: Stream) -> float:
        """Compute the tick that makes the stream due after the one that has."""
        turn = next_poll(
            stream.key.integration_id, self.bounds, stream.seen.rate, self.stretch, stream.marked
        )
        return ceil((turn - stream.phase) / EVERY - 1e-9) * EVERY + stream.phase

    def change(self, stream: Stream) -> None:
        stream.next += self.chance.expovariate(stream.rate)


def words(seconds: float) -> str:
    """Format a time as minutes or hours."""
    return f"{seconds / 60:.1f} min" if seconds < 2 * HOUR else f"{seconds / HOUR:.1f} h"


def main() -> None:
    """Read the arguments and simulate."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--integrations", type=int, action="append")
    parser.add_argument("--days", type=float, default=3)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    print(
        f"{'integrations':>12}  {'intervals':<10}{'median':>10}{'95 %':>10}{'mean':>10}"
        f"{'changes':>10}{'requests':>11}{'CPU':>8}"
    )
    for integrations in given.integrations or (100, 1_000, 10_000):
        for name, longest in (("fixed", EVERY), ("adaptive", LONGEST)):
            began = time.process_time()
            found = Simulation(integrations, longest=longest, days=given.days, seed=given.seed).run()
            ages = (words(each) for each in (found.median, found.ninety_five, found.mean))
            print(
                f"{integrations:>12,}  {name:<10}{''.join(f'{age:>10}' for age in ages)}"
                f"{len(found.ages):>10,}{found.requests:>11,}{time.process_time() - began:>6.0f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
