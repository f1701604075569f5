"""Read the base64 text of a body. Pure."""

from __future__ import annotations

import base64
import binascii
import re

_ALPHABET = re.compile(r"[A-Za-z0-9+/=\s]*")


def read_base64(text: str) -> bytes | None:
    """Decode base64, line breaks in it or not; None for a text that is none and was passed on as it is.

    Raises ValueError for base64 that is not whole.
    """
    if not _ALPHABET.fullmatch(text):
        return None
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"its base64 is cut off after {len(text):,} characters") from None
