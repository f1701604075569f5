"""Decode JSON that the strict decoder refuses, so that one bad record costs no more than itself. Pure.

Bytes that are no UTF-8 become lone surrogates, which tell the bytes. A number that no database can hold, or
that is none, stays the text that it was: written again it is refused where its record is read.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec


def decode_leniently(raw: bytes) -> Any:
    """Decode a whole JSON text. Raises ValueError where it is none, RecursionError."""
    return json.loads(
        raw.decode(errors="surrogateescape"),
        strict=False,
        parse_float=_kept(Decimal),
        parse_int=_kept(int),
        parse_constant=_as_it_is,
    )


def text_of(value: Any) -> str:
    """Write a value that was decoded here and has no other form in JSON."""
    return bytes(value).decode() if isinstance(value, msgspec.Raw) else str(value)


def _kept(convert: Callable[[str], Any]) -> Callable[[str], Any]:
    def convert_or_keep(text: str) -> Any:
        try:
            return convert(text)
        except (ValueError, ArithmeticError):
            return _as_it_is(text)

    return convert_or_keep


def _as_it_is(text: str) -> msgspec.Raw:
    return msgspec.Raw(text.encode())
