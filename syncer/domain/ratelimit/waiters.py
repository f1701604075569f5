"""Priority queue for permits across the processes that share a key. Pure.

A process whose requests are queued announces it in the budget, with the time of its next attempt. Until then
and a moment longer the less urgent requests of other processes stand back. An announcement ends by itself, so
that a process that died holds nobody back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

#: Seconds beyond the announced time for which others stand back.
GRACE = 1.0


class Waiting(Struct, frozen=True):
    """Queued requests of one process and purpose; the smaller the purpose, the more urgent.

    until: when this is over unless it is announced anew, in seconds on the database's clock.
    """

    owner: str
    purpose: int
    count: int
    until: float


def stands_back(waiting: tuple[Waiting, ...], owner: str, purpose: int, now: float) -> bool:
    """Tell whether something more urgent waits in another process."""
    return any(each.purpose < purpose and each.owner != owner and now < each.until for each in waiting)


def announce(
    waiting: tuple[Waiting, ...], owner: str, counts: Mapping[int, int], now: float, asks_at: float
) -> tuple[Waiting, ...]:
    """Replace the owner's announcements by how many requests it has waiting, by purpose.

    asks_at: its next attempt. Nothing changes while what it announced before still holds.
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
    """Let announcements end soon: there is room before the time at which their owners were going to ask."""
    return tuple(replace(each, until=min(each.until, now + GRACE)) for each in waiting)


def count_waiting(waiting: tuple[Waiting, ...], now: float) -> Counter[int]:
    """Count the queued requests by purpose."""
    counts: Counter[int] = Counter()
    for each in waiting:
        if now < each.until:
            counts[each.purpose] += each.count
    return counts
