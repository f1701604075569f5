"""Kombo ids and Kombo's way of writing moments and days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b

#: Letters and digits that cannot be taken for each other; Kombo's ids are made of them.
ALPHABET = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_TO_ALPHABET = bytes(ALPHABET[byte % len(ALPHABET)] for byte in range(256))

DAY_MS = 86_400_000
MINUTE_MS = 60_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def kombo_id(integration_id: str, remote_id: str) -> str:
    """Derive the 24 characters of a Kombo id from an integration and a remote id.

    The model plays no part: two models with the same remote id in one integration have the same
    Kombo id (docs.kombo.dev, "Querying the API").
    """
    digest = blake2b(f"{integration_id}\0{remote_id}".encode(), digest_size=24).digest()
    return digest.translate(_TO_ALPHABET).decode()


@lru_cache(maxsize=4096)
def iso(ms: int) -> str:
    """Write a moment as JavaScript's toISOString does: ``2022-08-07T14:01:29.196Z``."""
    moment = _EPOCH + timedelta(milliseconds=ms)
    return moment.isoformat(timespec="milliseconds")[:-6] + "Z"


def iso_midnight(ms: int) -> str:
    """Write the day of a moment as Kombo does most calendar dates: midnight UTC."""
    return f"{iso_day(ms)}T00:00:00.000Z"


def iso_day(ms: int) -> str:
    """Write the day of a moment as ``yyyy-MM-dd``."""
    return date.fromordinal(719_163 + ms // DAY_MS).isoformat()


def to_ms(moment: datetime) -> int:
    """Convert a moment to whole milliseconds since 1970."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)
