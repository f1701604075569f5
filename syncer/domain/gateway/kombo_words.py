"""Parameters of Kombo's lists as its API reads them, and the words in which it refuses them. Pure.

The simulator has them from here, so that a gateway and a Kombo of its own kind say the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final

DEFAULT_PAGE_SIZE: Final = 100
LARGEST_PAGE_SIZE: Final = 250
#: Code of the error for a parameter that cannot be.
INPUT_INVALID: Final = "PLATFORM.INPUT_INVALID"

#: The pattern of timestamp parameters in Kombo's OpenAPI document: no offset such as ``+00:00``.
_TIMESTAMP = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}(\.\d+)?)?Z?", re.ASCII)


class InvalidInput(Exception):
    """Refused input, such as a parameter; the message is for the error's ``message``."""


def read_page_size(name: str, text: str) -> int:
    """Read the number of records of a page. Raises InvalidInput."""
    size = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    if not 1 <= size <= LARGEST_PAGE_SIZE:
        raise InvalidInput(f"{name}: expected a whole number from 1 to {LARGEST_PAGE_SIZE}")
    return size


def read_boolean(name: str, text: str) -> bool:
    """Read a switch. Raises InvalidInput."""
    if text not in ("true", "false"):
        raise InvalidInput(f"{name}: expected true or false")
    return text == "true"


def read_moment(name: str, text: str) -> datetime:
    """Read a moment in UTC; Python reads up to six digits of the fraction and drops the rest.

    Raises InvalidInput.
    """
    try:
        if _TIMESTAMP.fullmatch(text):
            return datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC)
    except ValueError:
        pass
    raise InvalidInput(f"{name}: expected a timestamp such as 2026-01-31T08:00:00.000Z")


def check_choices(name: str, values: Collection[str], choices: Collection[str]) -> None:
    """Check values against those that the API knows; without any all are. Raises InvalidInput."""
    unknown = sorted(set(values) - set(choices)) if choices else []
    if unknown:
        raise InvalidInput(f"{name}: {unknown[0]!r} is not one of {', '.join(choices)}")


def error_body(code: str | None, message: str, title: str | None = None) -> bytes:
    """Write Kombo's error envelope: all four members present, only the message never null."""
    error = {"code": code, "title": title, "message": message, "log_url": None}
    return json.dumps({"status": "error", "error": error}).encode()
