"""Durations as text: as the configuration writes them, and as people read them."""

from __future__ import annotations

import re
from datetime import timedelta

_NOTATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


def parse_duration(value: object) -> timedelta:
    """Read ``"1h30m"``, ``"15m"``, ``"60s"``, ``"7d"`` or a whole number of seconds.

    Raises ValueError with what is expected, to follow the name of the setting.
    """
    if isinstance(value, timedelta):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        value = f"{value}s"
    text = str(value).strip()
    parts = _NOTATION.fullmatch(text + "s" if text.isdigit() else text)
    if not text or parts is None:
        raise ValueError('should be a duration such as "90s", "15m", "1h30m" or "7d"')
    days, hours, minutes, seconds = (int(number or 0) for number in parts.groups())
    try:
        return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        raise ValueError("is too long a duration") from None


def format_duration(value: timedelta) -> str:
    """Write a duration in the notation of the configuration: ``"1h30m"``."""
    left, text = round(value.total_seconds()), ""
    for unit, length in (("d", _DAY), ("h", _HOUR), ("m", _MINUTE), ("s", 1)):
        number, left = divmod(left, length)
        text += f"{number}{unit}" if number else ""
    return text or "0s"


def describe_elapsed(seconds: float) -> str:
    """Describe how long something takes: ``0.4 s``, ``12 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02d} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02d} min"


def describe_span(seconds: float) -> str:
    """Describe a distance in time, rounded down to one unit: ``42 s``, ``34 min``, ``3 h``, ``5 d``."""
    for unit, length in (("d", _DAY), ("h", _HOUR), ("min", _MINUTE)):
        if seconds >= 2 * length:
            return f"{seconds // length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def describe_age(seconds: float) -> str:
    """Describe how long ago something was: ``just now``, ``42 s ago``, ``3 h ago``."""
    return "just now" if seconds < 2 else f"{describe_span(seconds)} ago"
