"""Measure how old changes are when they arrive: polled alike, as often as they change, and told by webhooks.

    python -m benchmarks.freshness                        100, 1,000 and 10,000 integrations: ten minutes
    python -m benchmarks.freshness --integrations 1000    only so many
    python -m benchmarks.freshness --way webhooks         only one of the ways

Nothing is asked and nobody waits: a virtual clock, and the program's own decisions about intervals, order of
the due, round-robin and budget. Kombo permits 300 requests in 60 seconds; a tenth is kept in reserve. Each
integration has 12 streams, eight runs go on at once (two more for what webhooks tell of), and an answer takes
0.2 seconds. A webhook comes as a change is made: what Kombo takes to tell of it is none of it.

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
from datetime import timedelta
from heapq import heapify, heappop, heappush
from itertools import count
from math import ceil, exp
from statistics import mean, median, quantiles

from syncer.domain.ratelimit.budget import Budget, Permit, Purpose, Rate, Reserve, take
from syncer.domain.ratelimit.responses import answered
from syncer.domain.ratelimit.room import has_room
from syncer.domain.scheduling.fairness import streams_to_start
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
from syncer.domain.webhooks.pauses import next_pause

HOUR = 3_600.0
MODELS = 12
LIMIT, WINDOW = 300, 60.0
RESERVE = Reserve(share=0.1)
EVERY, LONGEST = 900.0, DAY
PLACES, LATENCY = 8, 0.2
#: Places for runs that webhooks cause, beside the others.
WEBHOOK_PLACES = 2
#: Streams that are considered at a time; the service has more, which makes no difference here but for time.
CANDIDATES = 16
#: For how long the answer to a question about an integration is good.
ABOUT = 600.0
#: As long as that where a webhook has told of it.
ABOUT_IF_TOLD = DAY
#: How often the stretch is found anew.
STRETCH_EVERY = 2 * HOUR
#: Changes a day of the median stream, and how far the streams are apart.
MEDIAN, SPREAD = 0.2, 2.0
WORKDAY, BEGINS = 10 * HOUR, 8 * HOUR
LONG_AGO = 100 * DAY

#: Something that goes on: it yields the seconds until it does, or that it waits to be woken.
Work = Iterator[float]
IDLE, DONE = -1.0, -2.0


@dataclass(slots=True)
class Stream:
    """Stream at the source and here.

    next: its next change, counted in seconds of work. unread: times of changes that were not read yet.
    marked: its last tick; is_marked: it is due since then. told: webhooks that told of it since its last run
    began.
    """

    key: StreamKey
    phase: float
    rate: float
    zone: float
    next: float = 0.0
    unread: list[float] = field(default_factory=list)
    marked: float = -LONG_AGO
    is_marked: bool = False
    told: int = 0
    pause: timedelta | None = None
    pause_until: float = 0.0
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
    """Simulation of so many integrations and days.

    longest: the longest interval; EVERY: a fixed one. webhooks: the share of changes that a webhook tells of,
    at the moment when they are made; None: there are no webhooks, and no places for runs are kept for them.
    """

    def __init__(
        self,
        integrations: int,
        *,
        longest: float,
        days: float,
        seed: int = 1,
        limit: int = LIMIT,
        webhooks: float | None = None,
    ) -> None:
        self.chance, self.fate = random.Random(seed), random.Random(f"webhooks of {seed}")
        self.bounds = IntervalBounds(EVERY, longest)
        self.end = days * DAY
        self.now = 0.0
        self.webhooks = webhooks
        self.budget, self.server = Budget(), Server(limit)
        self.stretch = 0.0
        self.turns: dict[str, int] = {}
        self.running: dict[StreamKey, Stream] = {}
        self.due: dict[StreamKey, int] = {}
        self.asked_about: dict[str, float] = {}
        self.ages: list[float] = []
        #: All requests, and those because of webhooks since the stretch was found.
        self.requests, self.told_requests = 0, 0
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
        #: When streams become due and when they change, and those that are due with how long they have been.
        self.ticks = [(stream.phase, key) for key, stream in self.streams.items()]
        heapify(self.ticks)
        self.changes = [(real(stream), key) for key, stream in self.streams.items()]
        heapify(self.changes)
        self.waiting: list[tuple[int, float, StreamKey]] = []
        self.numbers = count()
        self.events: list[tuple[float, int, Work]] = []
        #: Places for runs that have nothing to do.
        self.idle: list[Work] = []

    def run(self) -> Found:
        """Let the time pass; give what arrived."""
        places = [Purpose.FULL] * PLACES
        places += [Purpose.WEBHOOK] * (0 if self.webhooks is None else WEBHOOK_PLACES)
        for work in (self.adapt(), self.tick_by_tick(), self.change_by_change(), *map(self.place, places)):
            self.at(0.0, work)
        while self.events and self.events[0][0] < self.end:
            self.now, _, work = heappop(self.events)
            pause = next(work, DONE)
            if pause == IDLE:
                self.idle.append(work)
            elif pause != DONE:
                self.at(self.now + pause, work)
        return Found(self.ages, self.requests, self.server.refused)

    def at(self, time: float, work: Work) -> None:
        """Go on with something at a time."""
        heappush(self.events, (time, next(self.numbers), work))

    def wake(self) -> None:
        """Have the idle places look for something to do."""
        for work in self.idle:
            self.at(self.now, work)
        self.idle.clear()

    def adapt(self) -> Work:
        """Find the stretch anew, as the service does."""
        while True:
            if self.bounds.longest > self.bounds.shortest:
                polled = [
                    (key.integration_id, PollProfile(self.bounds, quantize(each.seen.rate)))
                    for key, each in self.streams.items()
                ]
                needed = group(polled) + group_integrations(polled, ABOUT)
                limit, told = self.server.limit, self.told_requests / STRETCH_EVERY
                self.stretch = fit_stretch(needed, (limit - RESERVE.of(limit)) / WINDOW * FILL - told)
                self.told_requests = 0
            yield STRETCH_EVERY

    def tick_by_tick(self) -> Work:
        """Make streams due at their ticks, unless they were read meanwhile because a webhook told of them."""
        while True:
            while self.ticks and self.ticks[0][0] <= self.now:
                at, key = heappop(self.ticks)
                stream = self.streams[key]
                later = self.tick(stream)
                if later > self.now:
                    heappush(self.ticks, (later, key))
                    continue
                stream.marked, stream.is_marked = at, True
                heappush(self.waiting, (int(Purpose.INCREMENTAL), at, key))
            self.wake()
            yield max(0.05, self.ticks[0][0] - self.now) if self.ticks else 1.0

    def change_by_change(self) -> Work:
        """Let the streams change, and webhooks tell of it."""
        while True:
            while self.changes[0][0] <= self.now:
                at, key = heappop(self.changes)
                stream = self.streams[key]
                stream.unread.append(at)
                self.change(stream)
                heappush(self.changes, (real(stream), key))
                if self.webhooks is not None and self.fate.random() < self.webhooks:
                    self.tell(stream)
            yield self.changes[0][0] - self.now

    def tell(self, stream: Stream) -> None:
        """Receive a webhook: the stream is due at once, or at the end of the pause after the last one."""
        stream.told += 1
        if stream.told == 1 and stream.key not in self.running:
            self.at(max(self.now, stream.pause_until), self.due_by_webhook(stream))

    def due_by_webhook(self, stream: Stream) -> Work:
        """Make a stream due that was told of, unless it was read meanwhile."""
        if stream.told and stream.key not in self.running:
            self.due[stream.key] = int(Purpose.WEBHOOK)
            self.wake()
        yield from ()

    def place(self, least: Purpose) -> Work:
        """Run one stream after the other: one of the places for runs at once, for what is not less urgent."""
        while True:
            chosen = self.choose(least)
            if chosen is None:
                yield IDLE
                continue
            stream, purpose = chosen
            self.running[stream.key] = stream
            self.turns[stream.key.integration_id] = next(self.numbers)
            told, stream.told = stream.told, 0
            good_for = ABOUT if purpose > Purpose.WEBHOOK else ABOUT_IF_TOLD
            if self.now - self.asked_about.get(stream.key.integration_id, -LONG_AGO) >= good_for:
                self.asked_about[stream.key.integration_id] = self.now
                yield from self.request(purpose)
            began = self.now
            yield from self.request(purpose)
            del self.running[stream.key]
            self.arrive(stream, began, told)
            self.wake()

    def choose(self, least: Purpose) -> tuple[Stream, Purpose] | None:
        """Pick the stream to read next: the order of the due, round-robin among integrations."""
        if len(self.due) < CANDIDATES // 2:
            while self.waiting and len(self.due) < CANDIDATES:
                rank, _, key = heappop(self.waiting)
                if self.streams[key].is_marked and key not in self.running:
                    self.due.setdefault(key, rank)
        due = {key: rank for key, rank in self.due.items() if rank <= least}
        for chosen in streams_to_start(due, self.turns, self.running, 1):
            return self.streams[chosen], Purpose(self.due.pop(chosen))
        return None

    def request(self, purpose: Purpose) -> Work:
        """Take a permit, and wait for the response to a request."""
        while True:
            self.budget, permit = take(self.budget, self.now, purpose, RESERVE)
            if isinstance(permit, Permit):
                break
            yield max(permit, 0.001)
        rate = self.server.ask(self.now)
        self.requests += 1
        self.told_requests += purpose is Purpose.WEBHOOK
        yield LATENCY
        self.budget = answered(self.budget, self.now, permit, rate)

    def arrive(self, stream: Stream, began: float, told: int) -> None:
        """Receive what changed until the request was sent. told: webhooks that came before the run began."""
        read = [at for at in stream.unread if at <= began]
        del stream.unread[: len(read)]
        if self.now >= self.end - DAY:
            self.ages += [self.now - at for at in read]
        if stream.asked_at is not None:
            # What a webhook has told of does not wait for the schedule.
            changed = bool(read) and not told
            stream.seen = update_history(stream.seen, began - stream.asked_at, changed=changed)
        stream.asked_at = began
        if told:
            since = timedelta(seconds=began - stream.pause_until)
            has_room_now = has_room(self.budget, RESERVE)
            pause = next_pause(stream.pause, since, told, has_room=has_room_now)
            stream.pause, stream.pause_until = pause, self.now + pause.total_seconds()
        if stream.told:
            self.at(stream.pause_until, self.due_by_webhook(stream))
        if stream.is_marked:
            stream.is_marked = False
            # Ticks that came while it waited have counted, too.
            tick = self.tick(stream)
            while tick <= self.now:
                stream.marked = tick
                tick = self.tick(stream)
            heappush(self.ticks, (tick, stream.key))

    def tick(self, stream: Stream) -> float:
        """Compute the tick that makes the stream due after the last one, or after the last webhook's run."""
        last = max(stream.marked, stream.asked_at or 0.0) if self.webhooks is not None else stream.marked
        turn = next_poll(stream.key.integration_id, self.bounds, stream.seen.rate, self.stretch, last)
        return ceil((turn - stream.phase) / EVERY - 1e-9) * EVERY + stream.phase

    def change(self, stream: Stream) -> None:
        stream.next += self.chance.expovariate(stream.rate)


def words(seconds: float) -> str:
    """Format a time as minutes or hours."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 2 * HOUR else f"{seconds / HOUR:.1f} h"


#: What is compared: a name, the longest interval, and the share of changes that webhooks tell of, if any.
WAYS: tuple[tuple[str, float, float | None], ...] = (
    ("fixed", EVERY, None),
    ("adaptive", LONGEST, None),
    ("webhooks", LONGEST, 1.0),
    ("30 % lost", LONGEST, 0.7),
)


def main() -> None:
    """Read the arguments and simulate."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--integrations", type=int, action="append")
    parser.add_argument("--days", type=float, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=int, default=LIMIT, help="requests in 60 s")
    parser.add_argument("--way", action="append", choices=[name for name, *_ in WAYS])
    given = parser.parse_args()
    print(
        f"{'integrations':>12}  {'way':<10}{'median':>10}{'95 %':>10}{'mean':>10}"
        f"{'changes':>10}{'requests':>11}{'CPU':>8}"
    )
    for integrations in given.integrations or (100, 1_000, 10_000):
        for name, longest, webhooks in WAYS:
            if name not in (given.way or [name]):
                continue
            began = time.process_time()
            simulation = Simulation(
                integrations,
                longest=longest,
                days=given.days,
                seed=given.seed,
                limit=given.limit,
                webhooks=webhooks,
            )
            found = simulation.run()
            ages = (words(each) for each in (found.median, found.ninety_five, found.mean))
            print(
                f"{integrations:>12,}  {name:<10}{''.join(f'{age:>10}' for age in ages)}"
                f"{len(found.ages):>10,}{found.requests:>11,}{time.process_time() - began:>6.0f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
