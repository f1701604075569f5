"""Who waits for a permit, in all processes that share a key. Pure.

A process that has to wait announces it in the budget, with the time at which it will ask again. Until then
and a moment longer the less urgent requests of other processes stand back. An announcement ends by itself, so
that a process that died holds nobody back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

#: Seconds beyond the announced time for which others stand back.
GRACE = 1.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """So many requests of a process wait; the smaller its purpose, the more urgent they are.

    until: when this is over unless it is announced anew, in seconds on the database's clock.
    """

    owner: str
    purpose: int
    count: int
    until: float


def stands_back(waiting: tuple[Waiting, ...], owner: str, purpose: int, now: float) -> bool:
    """Whether something more urgent waits in another process."""
    return any(each.purpose < purpose and each.owner != owner and now < each.until for each in waiting)


def announce(
    waiting: tuple[Waiting, ...], owner: str, counts: Mapping[int, int], now: float, asks_at: float
) -> tuple[Waiting, ...]:
    """What waits once the owner has said how much it has waiting, by purpose.

    asks_at: when it will ask again. Nothing changes while what it said before still holds.
    """
    others = tuple(each for each in waiting if each.owner != owner and now < each.until)
    former = tuple(each for each in waiting if each.owner == owner)
    mine = tuple(
        Waiting(owner, purpose, count, asks_at + GRACE) for purpose, count in sorted(counts.items()) if count
    )
    is_told = [(each.purpose, each.count) for each in former] == [(each.purpose, each.count) for each in mine]
    if is_told and all(asks_at + GRACE / 2 <= each.until <= asks_at + 2 * GRACE for each in former):
        mine = former
    told = (*others, *mine)
    return waiting if set(told) == set(waiting) else told


def shorten(waiting: tuple[Waiting, ...], now: float) -> tuple[Waiting, ...]:
    """What waits once there is room before the time at which it was going to ask."""
    return tuple(replace(each, until=min(each.until, now + GRACE)) for each in waiting)


def count_waiting(waiting: tuple[Waiting, ...], now: float) -> Counter[int]:
    """How many requests wait, by purpose."""
    counts: Counter[int] = Counter()
    for each in waiting:
        if now < each.until:
            counts[each.purpose] += each.count
    return counts
