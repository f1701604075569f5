"""Decide how soon events may cause another run of a stream, so that a storm of them causes few. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

#: Pause after a run that events have caused; that of a stream that is told of again and again grows where
#: the request limit has no room.
FIRST = timedelta(seconds=1)
STEADY = timedelta(seconds=10)
LONGEST = timedelta(seconds=60)
_GROWTH = 4
#: Events that one run answers and that are too many for one such pause after the other, whatever room is.
MANY = 5
#: Events that one run answers and that are a storm, and the growth of pauses in one.
STORM = 20
_GROWTH_IN_STORM = 30


def next_pause(before: timedelta | None, since: timedelta, events: int, *, has_room: bool) -> timedelta:
    """Give the pause after a run that has answered so many events.

    before: the pause after the run before it, if that was caused by events, too. since: from the end of that
    pause to the beginning of this run. has_room: the request limit has. Whoever is told of now and then never
    waits for more than the first.
    """
    if before is None or before <= timedelta(0) or since > _GROWTH * before:
        return FIRST
    if events >= STORM:
        return min(_GROWTH_IN_STORM * before, LONGEST)
    if has_room and events < MANY:
        return FIRST
    return min(_GROWTH * before, STEADY)


def pause_until(
    *,
    before_until: datetime | None,
    before_ended: datetime | None,
    began: datetime,
    now: datetime,
    events: int,
    has_room: bool,
) -> datetime:
    """Give the end of the pause after a run that events have caused.

    before_until: the end of the pause before it, and before_ended: that of the run before it; None: none was.
    began, now: beginning and end of the run. events: those that it has answered. has_room: the request limit
    has room for runs that could wait.
    """
    if before_until is None or before_ended is None:
        return now + FIRST
    return now + next_pause(before_until - before_ended, began - before_until, events, has_room=has_room)
