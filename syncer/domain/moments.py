"""Moments as text, as people write them."""

from __future__ import annotations

from datetime import UTC, datetime


def parse_moment(text: str) -> datetime:
    """Read ``2026-03-01``, which is the beginning of that day, or ``2026-03-01T12:00+01:00``.

    Without a zone it is UTC. Raises ValueError with what is expected.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("should be a moment such as 2026-03-01 or 2026-03-01T12:00:00Z") from None


def format_moment(moment: datetime) -> str:
    """Write a moment in UTC, with a fraction of a second only where it has one: ``2026-03-01T12:00:00Z``."""
    return moment.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"
