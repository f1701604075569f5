"""Read response headers: the rate limit, the reset and the server's time; check the key's. Pure.

Header names are lower-case. Values that cannot be parsed count as absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from syncer.domain.errors import UsageError
from syncer.domain.ratelimit.budget import Rate
from syncer.http_client.headers import read_moment, read_number, read_retry_after

#: Seconds beyond which a reset is no reset of a one-minute window: waiting for it would stop the mirror.
LONGEST_RESET = 3600.0


def read_rate(headers: Mapping[str, str]) -> Rate | None:
    """Read the rate-limit headers; None where the response does not have them all.

    Source: docs.kombo.dev, "Querying the API": ``ratelimit-limit``, ``ratelimit-remaining`` and
    ``ratelimit-reset`` (seconds).
    """
    limit = read_number(headers.get("ratelimit-limit"))
    remaining = read_number(headers.get("ratelimit-remaining"))
    reset = read_number(headers.get("ratelimit-reset"))
    if limit is None or remaining is None or reset is None or limit < 1 or reset > LONGEST_RESET:
        return None
    return Rate(limit=int(limit), remaining=min(max(int(remaining), 0), int(limit)), reset=max(reset, 0.0))


def read_reset(headers: Mapping[str, str]) -> float | None:
    """Read the seconds that a 429 asks to wait: ``ratelimit-reset``, else ``Retry-After``, else None.

    Kombo documents only the former; ``Retry-After`` is what proxies send.
    """
    reset = read_number(headers.get("ratelimit-reset"))
    if reset is not None and 0 <= reset <= LONGEST_RESET:
        return reset
    seconds = read_retry_after(headers)
    return None if seconds is None else min(seconds, LONGEST_RESET)


def read_free_slots(headers: Mapping[str, str]) -> int | None:
    """Read how many calls of one integration's tool may still begin; None if not told.

    Source: docs.kombo.dev, "Concurrency limiting": ``Concurrency-Remaining`` on the answers to such calls.
    """
    remaining = read_number(headers.get("concurrency-remaining"))
    return None if remaining is None else max(int(remaining), 0)


def read_served_at(headers: Mapping[str, str]) -> datetime | None:
    """Read the server's time, in UTC and whole seconds; None without a usable ``Date``."""
    return read_moment(headers.get("date"))


def checked_key(api_key: str) -> str:
    """Check that a key can stand in a header, and give it. Raises UsageError."""
    if not api_key or not api_key.isascii() or not api_key.isprintable() or " " in api_key:
        raise UsageError("The API key is empty or holds characters that no key has.")
    return api_key
