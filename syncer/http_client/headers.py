"""Read headers that answers of any server have: numbers, times, how long to wait. Pure.

Header names are lower-case. Values that cannot be parsed count as absent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# A number, optionally followed by what flavours of rate-limit headers add ("300;w=60", "300, 300;w=60").
_NUMBER = re.compile(r"\s*(-?[0-9]{1,15}(?:\.[0-9]{1,15})?)\s*(?:[,;]|$)")


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Read the seconds for which ``Retry-After`` asks to wait; None if not told.

    A date counts from the answer's own ``Date``, so that the local clock plays no part.
    """
    retry_after = headers.get("retry-after")
    seconds = read_number(retry_after)
    if seconds is None:
        moment, now = read_moment(retry_after), read_moment(headers.get("date"))
        if moment is None or now is None:
            return None
        seconds = (moment - now).total_seconds()
    return max(seconds, 0.0)


def read_number(text: str | None) -> float | None:
    """Read a number from the beginning of a header."""
    match = _NUMBER.match(text or "")
    return float(match[1]) if match else None


def read_moment(text: str | None) -> datetime | None:
    """Read a date of HTTP's, in UTC and whole seconds."""
    if text is None:
        return None
    try:
        moment = parsedate_to_datetime(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.year >= 1970 else None
