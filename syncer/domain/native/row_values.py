"""Check values of rows before they become part of a call: they fill their place, and change nothing else.

A value in a path is quoted; that is not enough where a server decodes a path before it resolves it.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote


class UnsendableValue(ValueError):
    """A value that could change what is called; its text is the end of a sentence, and repeats nothing."""


def check_row_value(value: str) -> None:
    """Check a value wherever it is to stand. Raises UnsendableValue."""
    if not value.strip():
        # Many tools give all of a list where the parameter or the segment is empty.
        raise UnsendableValue("is empty")
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in _decoded(value)):
        raise UnsendableValue("holds a control character")


def check_filled_path(path: str) -> None:
    """Check a path whose marks are filled. Raises UnsendableValue."""
    if has_dot_segment(path.partition("?")[0]):
        raise UnsendableValue("would leave its place in the path")


def has_dot_segment(path: str) -> bool:
    """Tell whether a segment means this folder or the one above, however often a server decodes it.

    Also where it ends in parameters (``..;x``), or is written in what some take for dots and slashes.
    """
    segments = re.split(r"[/\\]", _decoded(path))
    return any(re.fullmatch(r"\.{1,2}", each.partition(";")[0].strip()) for each in segments)


def _decoded(text: str) -> str:
    """Decode a text until nothing is left to decode, and unify characters that look alike."""
    while (plain := unicodedata.normalize("NFKC", unquote(text))) != text:
        text = plain
    return text
