"""Escape the characters by which a text could steer a terminal or show itself as another one. Pure."""

from __future__ import annotations

import re
from functools import cache
from itertools import chain

#: Characters that are not shown: C0, DEL and C1; marks, embeddings, overrides and isolates of the direction
#: of writing; others of no width, but for the joiners that scripts need; separators of lines; tags; halves of
#: characters.
_HIDDEN = (
    range(0x20),
    range(0x7F, 0xA0),
    range(0x61C, 0x61D),
    range(0x180E, 0x180F),
    range(0x200B, 0x200C),
    range(0x200E, 0x2010),
    range(0x2028, 0x202F),
    range(0x2060, 0x2070),
    range(0xFEFF, 0xFF00),
    range(0xFFF9, 0xFFFC),
    range(0xD800, 0xE000),
    range(0xE0000, 0xE0080),
)


def _escape(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json_escape(code: int) -> str:
    if code < 0x10000:
        return f"\\u{code:04x}"
    return f"\\u{0xD800 + (code - 0x10000 >> 10):04x}\\u{0xDC00 + (code - 0x10000 & 0x3FF):04x}"


_STEERING = re.compile(f"[{''.join(f'{chr(each[0])}-{chr(each[-1])}' for each in _HIDDEN)}]")
_FORMULA = re.compile(r"\s*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]", re.ASCII)
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")


def printable(text: str, *, keep: str = "") -> str:
    """Return the text with hidden characters as ``\\x1b`` or ``\\u202e``, but for those to keep."""
    return text.translate(_escapes(keep)) if _has_hidden(text) else text


def _has_hidden(text: str) -> bool:
    # Whatever is hidden is not printable, either, and of megabytes that is found out at once.
    return not text.isprintable() and _STEERING.search(text) is not None


@cache
def _escapes(keep: str) -> dict[int, str]:
    """Make the table once: a command prints hundreds of lines."""
    return {code: _escape(code) for code in chain(*_HIDDEN) if chr(code) not in keep}


@cache
def _json_escapes() -> dict[int, str]:
    # In a JSON text these stand for themselves between values alone.
    return {code: _json_escape(code) for code in chain(*_HIDDEN) if chr(code) not in "\t\n\r"} | {0x0D: " "}


def printable_json(text: str) -> str:
    """Return a JSON text with hidden characters as ``\\u202e``: it means the same."""
    return text.translate(_json_escapes()) if _has_hidden(text) else text


def inert_cell(text: str) -> str:
    """Return the text of a cell that no spreadsheet takes for a formula: begun with ``'`` where need be."""
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text
