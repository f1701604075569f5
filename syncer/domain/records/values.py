"""One JSON value -> one column value, by the column's type.

Every converter takes what the JSON decoder gives (str, int, Decimal, bool, list, dict; never None) and
returns what the store takes, or raises ``Unfit`` with the reason. Nothing is guessed and nothing is rounded.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from syncer.domain.catalogue.model import ColumnType

#: Bounds of a 64-bit integer column.
INTEGER_RANGE = (-(2**63), 2**63 - 1)
#: Powers of ten, up and down, that a number column holds on every database.
NUMBER_EXPONENTS = 300

# Python's own parsers also take what is no calendar day or time of day: week dates, eight digits as a time.
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?")

_T = TypeVar("_T")

_encode = msgspec.json.Encoder(decimal_format="number").encode


class Unfit(ValueError):
    """The value does not fit the column's type; the message says why."""


def text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise Unfit(f"expected text, got {_kind(value)}")


def boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise Unfit(f"expected true or false, got {_kind(value)}")


def integer(value: object) -> int:
    """Convert to an integer of 64 bits; 4.0 is one, 4.5 is none."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise Unfit(f"expected an integer, got {_kind(value)}")
    # Before it is made an int: a few characters such as 1e999999999 would be gigabytes.
    if not INTEGER_RANGE[0] <= value <= INTEGER_RANGE[1]:
        raise Unfit("the integer needs more than 64 bits")
    if value != int(value):
        raise Unfit("expected an integer, got a fraction")
    return int(value)


def number(value: object) -> Decimal:
    """Convert to an exact decimal: 0.1 stays 0.1 and integers stay whole beyond 2^53."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise Unfit(f"expected a number, got {_kind(value)}")
    exact = Decimal(value)
    if exact and abs(exact.adjusted()) > NUMBER_EXPONENTS:
        raise Unfit(f"the number is beyond 10^{NUMBER_EXPONENTS} or below 10^-{NUMBER_EXPONENTS}")
    return exact


def timestamp(value: object) -> datetime:
    """Convert to a moment in UTC. A text without a zone is UTC, as all of Kombo's timestamps are."""
    moment = _parsed(datetime.fromisoformat, value, "a timestamp")
    if moment.tzinfo is UTC:
        return moment
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise Unfit("is outside the years 1 to 9999") from None


def calendar_date(value: object) -> date:
    """Convert to the calendar day as written. Kombo sends many as midnight UTC: no zone may shift them."""
    if isinstance(value, str):
        return _day(value)
    raise Unfit(f"expected a date, got {_kind(value)}")


@lru_cache(maxsize=4096)
def _day(text: str) -> date:
    """Parse a day, from memory: the same few thousand come again and again."""
    if len(text) > 10:
        _parsed(datetime.fromisoformat, text, "a date")
        text = text[:10]
    return _parsed(date.fromisoformat, text, "a date", _DATE)


def clock_time(value: object) -> time:
    """Convert to a time of day without zone: nobody can say what a zone would mean without a day."""
    return _parsed(time.fromisoformat, value, "a time of day", _TIME)


def json_text(value: object) -> str:
    """Any JSON value as JSON text, members in the order received and numbers exact."""
    # Without the call of the other one: each record has several.
    try:
        return _encode(value).decode()
    except (ValueError, RecursionError) as error:
        raise _no_json(error) from None


def json_bytes(value: object) -> bytes:
    """Write ``json_text`` as bytes: what is large is not copied."""
    try:
        return _encode(value)
    except (ValueError, RecursionError) as error:
        raise _no_json(error) from None


def _no_json(error: Exception) -> Unfit:
    return Unfit(f"cannot be JSON text: {error}")


CONVERTERS: dict[ColumnType, Callable[[Any], Any]] = {
    "text": text,
    "boolean": boolean,
    "integer": integer,
    "number": number,
    "date": calendar_date,
    "time": clock_time,
    "timestamp": timestamp,
    "json": json_text,
}


def _parsed(
    parse: Callable[[str], _T], value: object, what: str, pattern: re.Pattern[str] | None = None
) -> _T:
    if not isinstance(value, str):
        raise Unfit(f"expected {what}, got {_kind(value)}")
    try:
        if pattern is None or pattern.fullmatch(value):
            return parse(value)
    except ValueError:
        pass
    raise Unfit(f"is not {what}")


def _kind(value: object) -> str:
    return {
        str: "text",
        bool: "a boolean",
        int: "a number",
        Decimal: "a number",
        list: "a list",
        dict: "an object",
    }.get(type(value), type(value).__name__)
