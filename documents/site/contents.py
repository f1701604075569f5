"""The order of the site's pages, which is that of docs/README.md."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SECTION = re.compile(r"^## (.+)\n((?:.*\n)*?)(?=^## |\Z)", re.MULTILINE)
_ENTRY = re.compile(r"^- \[([^]]+)\]\(([^)#]+\.md)\)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Part:
    """Part of the documentation: its title, and (title, path from docs/) of its pages."""

    title: str
    pages: tuple[tuple[str, str], ...]


def parts(text: str) -> list[Part]:
    """Read the parts from the text of docs/README.md."""
    return [Part(title, tuple(_ENTRY.findall(body))) for title, body in _SECTION.findall(text)]
