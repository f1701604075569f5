"""Due times and leases of streams, as far as they are believed."""

from __future__ import annotations

from datetime import datetime, timedelta

from syncer.domain.clocks import TOLERANCE, distrust_future
from syncer.domain.streams.state import LONGEST_RECHECK

#: Length of a lease, at most, unless a longer one is set: others may have another setting.
LONGEST_LEASE = timedelta(hours=1)


def is_lapsed(until: datetime | None, now: datetime, length: timedelta) -> bool:
    """Tell whether a lease has ended, or lies further ahead than one of this length can."""
    until = distrust_future(until, now, length + TOLERANCE)
    return until is None or until < now


def is_time(due_at: datetime | None, purpose: int | None, now: datetime) -> bool:
    """Tell whether a stream is due, or its time lies further ahead than one for this purpose can."""
    ahead = LONGEST_RECHECK if purpose is None else TOLERANCE
    return due_at is not None and (due_at <= now or due_at > now + ahead)
