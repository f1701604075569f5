"""Read response headers: the rate limit, the reset and the server's time; check the key's. Pure.

Header names are lower-case. Values that cannot be parsed count as absent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from syncer.domain.errors import UsageError
from syncer.domain.ratelimit.budget import Rate

#: Seconds beyond which a reset is no reset of a one-minute window: waiting for it would stop the mirror.
LONGEST_RESET = 3600.0

# A number, optionally followed by what other flavours of these headers add ("300;w=60", "300, 300;w=60").
_NUMBER = re.compile(r"\s*(-?[0-9]{1,15}(?:\.[0-9]{1,15})?)\s*(?:[,;]|$)")


def read_rate(headers: Mapping[str, str]) -> Rate | None:
    """Read the rate-limit headers; None where the response does not have them all.

    Source: docs.kombo.dev, "Querying the API": ``ratelimit-limit``, ``ratelimit-remaining`` and
    ``ratelimit-reset`` (seconds).
    """
    limit = _number(headers.get("ratelimit-limit"))
    remaining = _number(headers.get("ratelimit-remaining"))
    reset = _number(headers.get("ratelimit-reset"))
    if limit is None or remaining is None or reset is None or limit < 1 or reset > LONGEST_RESET:
        return None
    return Rate(limit=int(limit), remaining=min(max(int(remaining), 0), int(limit)), reset=max(reset, 0.0))


def read_reset(headers: Mapping[str, str]) -> float | None:
    """Read the seconds that a 429 asks to wait: ``ratelimit-reset``, else ``Retry-After``, else None.

    Kombo documents only the former; ``Retry-After`` (seconds or a date) is what proxies send. A date
    counts from the answer's own ``Date``, so that the local clock plays no part.
    """
    reset = _number(headers.get("ratelimit-reset"))
    if reset is not None and 0 <= reset <= LONGEST_RESET:
        return reset
    retry_after = headers.get("retry-after")
    seconds = _number(retry_after)
    if seconds is None:
        moment, now = _moment(retry_after), read_served_at(headers)
        if moment is None or now is None:
            return None
        seconds = (moment - now).total_seconds()
    return min(max(seconds, 0.0), LONGEST_RESET)


def read_free_slots(headers: Mapping[str, str]) -> int | None:
    """Read how many calls of one integration's tool may still begin; None if not told.

    Source: docs.kombo.dev, "Concurrency limiting": ``Concurrency-Remaining`` on the answers to such calls.
    """
    remaining = _number(headers.get("concurrency-remaining"))
    return None if remaining is None else max(int(remaining), 0)


def read_served_at(headers: Mapping[str, str]) -> datetime | None:
    """Read the server's time, in UTC and whole seconds; None without a usable ``Date``."""
    return _moment(headers.get("date"))


def _number(text: str | None) -> float | None:
    match = _NUMBER.match(text or "")
    return float(match[1]) if match else None


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = parsedate_to_datetime(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.year >= 1970 else None


def checked_key(api_key: str) -> str:
    """Check that a key can stand in a header, and give it. Raises UsageError."""
    if not api_key or not api_key.isascii() or not api_key.isprintable() or " " in api_key:
        raise UsageError("The API key is empty or holds characters that no key has.")
    return api_key
