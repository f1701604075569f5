"""Values of the configuration that are written as text: durations, schedules, the reserve, URLs.

Every parser takes what TOML or an environment variable gave and raises ValueError with what is
expected; the words complete a sentence that begins with the setting's key.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator

from syncer.domain.durations import parse_duration
from syncer.domain.ratelimit.budget import Reserve

#: The longest interval that may be set: well below the time for which Kombo tells of deletions.
LONGEST_EVERY = timedelta(days=7)
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


def _positive(value: timedelta) -> timedelta:
    if not value:
        raise ValueError("should be longer than nothing")
    return value


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
PositiveDuration = Annotated[Duration, AfterValidator(_positive)]


def schedule(value: object) -> timedelta | str:
    """A duration, or a cron expression that comes to pass, as ``cron`` gives it."""
    if isinstance(value, str) and len(value.split()) > 1:
        return cron(value)
    try:
        return _positive(parse_duration(value))
    except ValueError as error:
        raise ValueError(f'{error}, or a cron expression such as "0 * * * *"') from None


def cron(text: str) -> str:
    """Five fields from minute to day of week, as APScheduler's ``CronTrigger.from_crontab`` takes them.

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
    """The time between two turns of an interval or a cron expression, on average over four weeks or more."""
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
    """Numbers, ranges and steps of a cron weekday field as names."""
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


Every = Annotated[timedelta | str, BeforeValidator(schedule)]


def _not_too_long(value: timedelta) -> timedelta:
    if value > LONGEST_EVERY:
        raise ValueError('should be at most "7d": Kombo tells of deletions for 14 days only')
    return value


EveryMax = Annotated[PositiveDuration, AfterValidator(_not_too_long)]


def reserve(value: object) -> Reserve:
    """A count of requests, or a percentage of the limit below 100 %."""
    if isinstance(value, Reserve):
        return value
    text = str(value).strip()
    if not isinstance(value, bool) and text.isdigit():
        return Reserve(count=int(text))
    share = re.fullmatch(r"(\d{1,2}(?:\.\d+)?)\s*%", text)
    if share is None:
        raise ValueError('should be a count of requests such as 30 or a percentage below 100 such as "10%"')
    return Reserve(share=float(share[1]) / 100)


ReserveValue = Annotated[Reserve, BeforeValidator(reserve)]


def database_url(value: str) -> str:
    """A URL of a database that can be used; nothing of a refused one is repeated, it may hold a password."""
    scheme, _, rest = value.partition("://")
    if scheme == "sqlite":
        path = rest.removeprefix("/").partition("?")[0]
        if not rest.startswith("/") or path in ("", ":memory:"):
            raise ValueError("should name a file, such as sqlite:///kombo.db")
        return value
    if scheme not in ("postgres", "postgresql", "postgresql+psycopg"):
        raise ValueError("should be sqlite:///FILE or postgresql://USER@HOST/DATABASE: no other will do")
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise ValueError("is no readable URL (special characters of a password are written as %XX)") from None
    if parts.path.strip("/") == "":
        raise ValueError("should end in the name of a database")
    return value


def base_url(value: object) -> str | None:
    """An http or https URL without a slash at its end; None for an empty text."""
    if blank_is_none(value) is None:
        return None
    try:
        parts = urlsplit(str(value))
        readable = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        readable = False
    if not readable or parts.scheme not in ("http", "https") or "@" in parts.netloc:
        raise ValueError("should be a URL such as https://api.kombo.dev/v1")
    if parts.query or parts.fragment:
        raise ValueError("should be a URL without a query")
    return str(value).rstrip("/")


BaseUrl = Annotated[str | None, BeforeValidator(base_url)]


def blank_is_none(value: object) -> object:
    """``key = ""`` in the file says the same as no such line."""
    return None if value == "" else value


def list_of_texts(value: object, *, example: str) -> object:
    """The value, which is not one text in place of a list."""
    if isinstance(value, str):
        raise ValueError(f'should be a list such as ["{example}"]')
    return value
