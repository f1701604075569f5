"""Parts that files of TypeScript share: comments, texts and names of members."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from syncer.schema_reference.formats.described import folded

_IDENTIFIER = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_WIDTH = 100


def comment(text: str, indent: str = "") -> Iterator[str]:
    """Write a comment for editors to show, on one line or more."""
    # What would end the comment is written apart.
    lines = folded(text.replace("*/", "* /"), _WIDTH - len(indent) - 6)
    if len(lines) == 1:
        yield f"{indent}/** {lines[0]} */"
        return
    yield f"{indent}/**"
    yield from (f"{indent} * {line}" for line in lines)
    yield f"{indent} */"


def remarks(lines: Iterable[str]) -> str:
    """Write lines that are comments of the file."""
    return "\n".join(f"// {line}" for line in lines)


def member(name: str) -> str:
    """Write the name of a member, in quotes where it is no identifier."""
    return name if _IDENTIFIER.fullmatch(name) else quoted(name)


def quoted(text: str) -> str:
    """Write a text in double quotes."""
    return json.dumps(text)
