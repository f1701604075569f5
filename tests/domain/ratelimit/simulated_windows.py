"""A server that counts requests in fixed windows, and users that read from it, in simulated time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count, cycle
from math import ceil, floor
from typing import Literal

from hypothesis import strategies as st
from msgspec.structs import replace

from syncer.domain.ratelimit.ahead import give_back, is_scarce, take_ahead
from syncer.domain.ratelimit.budget import Budget, Pacing, Permit, Purpose, Rate, Reserve, take
from syncer.domain.ratelimit.responses import answered, refused

#: Times are eighths of seconds: sums are exact, and moments coincide often.
TICK = 0.125

Rounding = Literal["up", "down", "nearest"]
_ROUNDED: dict[Rounding, Callable[[float], int]] = {"up": ceil, "down": floor, "nearest": round}


def eighths(least: float, most: float) -> st.SearchStrategy[float]:
    return st.integers(int(least / TICK), int(most / TICK)).map(lambda ticks: ticks * TICK)


@dataclass
class Server:
    """Kombo's side of one key: fixed windows, told in whole seconds.

    phase: when its windows begin; None: each with the first request after the last one ended. late: a window
    ends so many seconds later than is told; below 0: earlier.
    """

    limit: int
    length: float
    phase: float | None
    rounding: Rounding = "up"
    late: float = 0.0
    used: int = 0
    ends_at: float = 0.0

    def serve(self, now: float, requests: int = 1) -> tuple[bool, Rate]:
        """Whether there was room for the requests, and what the answer says."""
        if now >= self.ends_at + self.late:
            self.used = 0
            self.ends_at = (
                now + self.length
                if self.phase is None
                else self.phase + (floor((now - self.phase) / self.length) + 1) * self.length
            )
        fits = self.used + requests <= self.limit
        self.used = min(self.limit, self.used + requests)
        reset = max(0, _ROUNDED[self.rounding](self.ends_at - now))
        return fits, Rate(self.limit, self.limit - self.used, reset)


def servers(
    *,
    least: int = 1,
    most: int = 12,
    shortest: float = 2.0,
    roundings: Sequence[Rounding] = ("up", "down", "nearest"),
    late: st.SearchStrategy[float] | None = None,
) -> st.SearchStrategy[Server]:
    """Servers with that many requests per window; shortest: the least seconds of a window."""
    return st.builds(
        Server,
        limit=st.integers(least, most),
        length=st.sampled_from([each for each in (2.0, 3.0, 5.0, 10.5, 60.0) if each >= shortest]),
        phase=st.none() | eighths(-60, 0),
        rounding=st.sampled_from(roundings),
        late=st.just(0.0) if late is None else late,
    )


@dataclass
class UnderWay:
    """A request that went out; answer: what the server said, once it has reached the server."""

    permit: Permit
    answer: tuple[bool, Rate] | None = None


@dataclass
class Reading:
    """What users who read all the time met with. served, refused: when the server served or refused them."""

    budget: Budget = field(default_factory=Budget)
    served: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)


def read_all_the_time(
    server: Server,
    reserve: Reserve,
    delays: Sequence[tuple[float, float]],
    *,
    seconds: float,
    workers: int,
    pacing: Pacing = "burst",
    others: Sequence[float] = (),
) -> Reading:
    """So many workers read for so long.

    delays: seconds there and back, taken in turn. others: when other users of the key ask for something.
    """
    reading, order, delay = Reading(), count(), cycle(delays)
    events: list[tuple[float, int, UnderWay | str]] = [(0.0, next(order), "ask") for _ in range(workers)]
    for moment in others:
        heappush(events, (moment, next(order), "others"))
    while events[0][0] < seconds:
        now, _, event = heappop(events)
        if event == "others":
            server.serve(now)
            continue
        if isinstance(event, UnderWay) and event.answer is None:
            event.answer = server.serve(now)
            (reading.served if event.answer[0] else reading.refused).append(now)
            heappush(events, (now + next(delay)[1], next(order), event))
            continue
        if isinstance(event, UnderWay) and event.answer is not None:
            fits, rate = event.answer
            reading.budget = (
                answered(reading.budget, now, event.permit, rate)
                if fits
                else refused(reading.budget, now, event.permit, rate, rate.reset)
            )
        reading.budget, permit = take(reading.budget, now, Purpose.FULL, reserve, pacing)
        if isinstance(permit, Permit):
            heappush(events, (now + next(delay)[0], next(order), UnderWay(permit)))
        else:
            heappush(events, (now + permit, next(order), "ask"))
    return reading


def read_ahead(
    server: Server,
    reserve: Reserve,
    delays: Sequence[tuple[float, float]],
    *,
    seconds: float,
    workers: int,
    others: Sequence[float] = (),
) -> Reading:
    """So many workers of one process read for so long, which takes permits ahead.

    It tells of answers when it takes the next permits, or gives back what it has held for too long. The
    arguments are those of ``read_all_the_time``.
    """
    reading, order, delay = Reading(), count(), cycle(delays)
    held, until, taken_at = list[Permit](), 0.0, 0.0
    answers = list[tuple[float, Permit, bool, Rate]]()
    events: list[tuple[float, int, UnderWay | str]] = [(0.0, next(order), "ask") for _ in range(workers)]
    for moment in others:
        heappush(events, (moment, next(order), "others"))

    def tell() -> None:
        reading.budget = give_back(reading.budget, held)
        for at, permit, fits, rate in answers:
            reading.budget = (
                answered(reading.budget, at, permit, rate)
                if fits
                else refused(reading.budget, at, permit, rate, rate.reset)
            )
        held.clear()
        answers.clear()

    while events[0][0] < seconds:
        now, _, event = heappop(events)
        if event == "others":
            server.serve(now)
            continue
        if event == "tell":
            if now >= until:
                tell()
            continue
        if isinstance(event, UnderWay) and event.answer is None:
            event.answer = server.serve(now)
            (reading.served if event.answer[0] else reading.refused).append(now)
            heappush(events, (now + next(delay)[1], next(order), event))
            continue
        if isinstance(event, UnderWay) and event.answer is not None:
            fits, rate = event.answer
            answers.append((now, event.permit, fits, rate))
            if not fits or is_scarce(len(held), rate, reserve):
                until = now
        if held and now < until:
            permit = held.pop()
            permit = replace(permit, taken_at=permit.taken_at + now - taken_at)
            heappush(events, (now + next(delay)[0], next(order), UnderWay(permit)))
            continue
        tell()
        reading.budget, taken = take(reading.budget, now, Purpose.FULL, reserve)
        if not isinstance(taken, Permit):
            heappush(events, (now + taken, next(order), "ask"))
            continue
        heappush(events, (now + next(delay)[0], next(order), UnderWay(taken)))
        reading.budget, permits, good_for = take_ahead(reading.budget, now, Purpose.FULL, reserve)
        held += permits
        until, taken_at = now + good_for, now
        heappush(events, (until, next(order), "tell"))
    return reading
