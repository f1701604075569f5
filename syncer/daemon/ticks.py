"""Ticks of the schedule: the times of an interval or a cron expression, and what they make due. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from syncer.config.schedules import mean_interval

#: Ticks of an interval are meant for up to this share of it later, at most so many seconds, so that models of
#: one interval do not all start in the same second.
JITTER_SHARE = 0.05
JITTER_MOST = 30.0
#: What the scheduler's arithmetic with fractions may lose.
ROUNDING = timedelta(milliseconds=1)


class ShiftedTrigger(BaseTrigger):  # type: ignore[misc]
    """Trigger that fires at the times of another one, by a clock that is so far behind the one it means."""

    def __init__(self, meant: BaseTrigger, ahead: timedelta) -> None:
        self._meant = meant
        self._ahead = ahead

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """Compute the time that follows, by the clock that is behind."""
        previous = previous_fire_time and previous_fire_time + self._ahead
        moment: datetime | None = self._meant.get_next_fire_time(previous, now + self._ahead)
        return moment and moment - self._ahead


def trigger_of(every: timedelta | str, first: datetime, *, ahead: timedelta = timedelta(0)) -> BaseTrigger:
    """Make the trigger of an interval, from the first tick on, or of a cron expression (in UTC).

    ahead: of the clock that is meant, before the one by which the trigger fires.
    """
    if isinstance(every, timedelta):
        seconds = every.total_seconds()
        jitter = min(seconds * JITTER_SHARE, JITTER_MOST)
        return IntervalTrigger(seconds=seconds, start_date=first - ahead, jitter=jitter, timezone=UTC)
    trigger = CronTrigger.from_crontab(every, timezone=UTC)
    return ShiftedTrigger(trigger, ahead) if ahead else trigger


def following(every: timedelta | str, last: datetime) -> datetime | None:
    """Compute the tick that follows one; None: there is none."""
    if isinstance(every, timedelta):
        return last + every
    moment: datetime | None = CronTrigger.from_crontab(every, timezone=UTC).get_next_fire_time(last, last)
    return moment


def is_due(every: timedelta | str, last: datetime | None, tick: datetime) -> bool:
    """Tell whether a tick makes a stream due; last: the tick that marked it last, None: none has yet."""
    if last is None:
        return True
    moment = following(every, last)
    return moment is not None and moment - ROUNDING <= tick


def twice(every: timedelta | str, now: datetime) -> timedelta:
    """Compute how long two intervals are: for a cron expression, how long ago its last tick but one was."""
    if isinstance(every, timedelta):
        return 2 * every
    trigger, back = CronTrigger.from_crontab(every, timezone=UTC), 2 * mean_interval(every)
    while True:
        ticks: list[datetime] = []
        moment = trigger.get_next_fire_time(None, now - back)
        while moment is not None and moment <= now:
            ticks.append(moment)
            moment = trigger.get_next_fire_time(None, moment + timedelta(minutes=1))
        if len(ticks) >= 2:
            return now - ticks[-2]
        back *= 2


def goes_on(every: timedelta, last: datetime, now: datetime) -> datetime:
    """Compute the first tick after now of an interval that had a tick then."""
    return last + every * max(1, -((last - now) // every))
