"""Pages of the documentation: their anchors, links, names and blocks of code."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
_FENCED = re.compile(r"^( *)(```+)(\w*)\n(.*?)^\1\2 *$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`]+)`")


def pages() -> list[Path]:
    """List the pages that people read."""
    return [*sorted(ROOT.glob("*.md")), *sorted(DOCS.glob("*.md"))]


@cache
def text_of(page: Path) -> str:
    """Read a page."""
    return page.read_text(encoding="utf-8")


def blocks(page: Path, *languages: str) -> list[str]:
    """Give the blocks of code in these languages, without their indentation."""
    return [
        re.sub(f"^{found[1]}", "", found[4], flags=re.MULTILINE)
        for found in _FENCED.finditer(text_of(page))
        if found[3] in languages
    ]


def prose(page: Path) -> str:
    """Give the page without its blocks of code."""
    return _FENCED.sub("", text_of(page))


def names(page: Path) -> list[str]:
    """Give what is code within sentences."""
    return [each.replace("\n", " ") for each in _CODE.findall(prose(page))]


def links(page: Path) -> list[str]:
    """Give the addresses of links and pictures, and those that stand for themselves."""
    text = _CODE.sub("``", prose(page))
    return [one or other for one, other in re.findall(r"\]\(([^)]*)\)|<(https?:[^>]*)>", text)]


@cache
def anchors(page: Path) -> frozenset[str]:
    """Name the anchors of a page: those of its headings, as hosts of repositories make them, and its own."""
    text, found = prose(page), set[str]()
    for heading in re.findall(r"^#{1,6} (.+)$", text, re.MULTILINE):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", plain.strip().lower()).replace(" ", "-")
        number = 0
        while (name := f"{slug}-{number}" if number else slug) in found:
            number += 1
        found.add(name)
    return frozenset(found | set(re.findall(r'<a id="([^"]+)">', text)))
