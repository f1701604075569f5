"""Clocks that are wrong for a while: which stored times to believe, and whether a clock was set. Pure.

What waits for a time that a clock stored which was ahead would wait for years. So whoever reads a stored time
says how far ahead it can be, and a time beyond that counts as none.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

#: Difference between clocks that are kept right, such as those of hosts that share a database, at most.
TOLERANCE = timedelta(minutes=5)
#: Distance by which the time of a view may lie ahead: whatever depends on its age has wider margins.
VIEW_AHEAD = timedelta(hours=1)
#: Difference between the time that passed by the wall clock and by the monotonic one, from which it was set.
STEP = timedelta(seconds=10)


def distrust_future(moment: datetime | None, now: datetime, ahead: timedelta) -> datetime | None:
    """Return the stored time, or None where it lies further ahead than it can."""
    return None if moment is None or moment - now > ahead else moment


class ClockReading(Struct, frozen=True):
    """Wall clock and monotonic clock (seconds), read at the same moment."""

    wall: datetime
    monotonic: float


def step_between(before: ClockReading, after: ClockReading) -> timedelta | None:
    """Compute by how much the wall clock was set between two readings; None where it was not.

    A host that was suspended looks like that, too: its monotonic clock stood still.
    """
    step = after.wall - before.wall - timedelta(seconds=after.monotonic - before.monotonic)
    return step if abs(step) > STEP else None


def keep_distance(found: timedelta, kept: timedelta) -> timedelta:
    """Choose the distance between two clocks to go on with: the one that was kept while they are as far apart
    as that but for some seconds, which reading them takes.
    """
    return found if abs(found - kept) > STEP else kept
