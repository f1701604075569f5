"""Schedules in the configuration: intervals and cron expressions.

Every parser raises ValueError with what is expected; the words complete a sentence that begins with the
setting's key.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from syncer.config.values import PositiveDuration, positive
from syncer.config.written import Written
from syncer.domain.durations import parse_duration

#: The longest interval that may be set: well below the time for which Kombo tells of deletions.
LONGEST_EVERY = timedelta(days=7)
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


def schedule(value: object) -> timedelta | str:
    """Parse a duration, or a cron expression as ``cron`` does."""
    if isinstance(value, str) and len(value.split()) > 1:
        return cron(value)
    try:
        return positive(parse_duration(value))
    except ValueError as error:
        raise ValueError(f'{error}, or a cron expression such as "0 * * * *"') from None


def cron(text: str) -> str:
    """Convert a cron expression of five fields to one for APScheduler's ``CronTrigger.from_crontab``.

    Weekdays become names: as numbers they begin with Monday there, and with Sunday in every cron. What
    means something else there is refused.
    """
    # Costs 0.1 s, and most configurations have no cron expression.
    from apscheduler.triggers.cron import CronTrigger

    fields = text.split()
    if len(fields) != 5:
        raise ValueError(f"should be a cron expression of five fields, not {len(fields)}")
    if fields[2] != "*" and fields[4] != "*":
        # Cron means either day, APScheduler both.
        raise ValueError("cannot limit the day of the month and the day of the week at once")
    try:
        expression = " ".join((*fields[:4], _weekdays(fields[4].lower())))
        trigger = CronTrigger.from_crontab(expression, timezone=UTC)
    except ValueError as error:
        raise ValueError(f"is not a possible cron expression: {error}") from None
    if trigger.get_next_fire_time(None, datetime.now(UTC)) is None:
        raise ValueError("is a cron expression that never comes to pass")
    return expression


def mean_interval(every: timedelta | str) -> timedelta:
    """Average the time between two turns of an interval or a cron expression, over four weeks or more."""
    return every if isinstance(every, timedelta) else _mean_of_cron(every)


@cache
def _mean_of_cron(expression: str) -> timedelta:
    from apscheduler.triggers.cron import CronTrigger

    trigger = CronTrigger.from_crontab(expression, timezone=UTC)

    def turn_from(moment: datetime) -> datetime:
        turn: datetime = trigger.get_next_fire_time(None, moment)
        return turn

    turn = turn_from(datetime(2024, 1, 1, tzinfo=UTC))
    first = day = turn.replace(hour=0, minute=0)
    # All days that have turns have the same.
    a_day = 0
    while turn < first + timedelta(days=1):
        turn, a_day = turn_from(turn + timedelta(minutes=1)), a_day + 1
    days = 0
    while days == 0 or day - first < timedelta(weeks=4):
        day, days = turn_from(day + timedelta(days=1)).replace(hour=0, minute=0), days + 1
    return (day - first) / (days * a_day)


def _weekdays(field: str) -> str:
    """Replace the numbers, ranges and steps of a cron weekday field by names."""
    if field == "*":
        return field
    days: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = ("0", "-", "6") if span == "*" else span.partition("-")
        begin = _weekday(first)
        end = _weekday(last) if last else (6 if step else begin)
        if end < begin:
            end += 7
        if step and not (step.isdigit() and int(step)):
            raise ValueError(f"{part!r} has no step that is a number above 0")
        days.update(day % 7 for day in range(begin, end + 1, int(step or 1)))
    return ",".join(_WEEKDAYS[day] for day in sorted(days))


def _weekday(text: str) -> int:
    if text in _WEEKDAYS:
        return _WEEKDAYS.index(text)
    if text.isdigit() and int(text) <= 7:
        return int(text)
    raise ValueError(f"{text!r} is no day of the week (0 to 7, or sun to sat)")


Every = Annotated[timedelta | str, BeforeValidator(schedule), Written("duration or cron expression")]


def _not_too_long(value: timedelta) -> timedelta:
    if value > LONGEST_EVERY:
        raise ValueError('should be at most "7d": Kombo tells of deletions for 14 days only')
    return value


EveryMax = Annotated[PositiveDuration, AfterValidator(_not_too_long)]
