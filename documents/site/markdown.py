"""Pages of the repository as pages of the site: their links and what a browser alone cannot draw."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import PurePosixPath

from syncer.schema_reference.markdown import table

_FENCE = re.compile(r"^([ ]*)(```+)(\w*)\n(.*?)^\1\2[ ]*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<=\]\()([^)\s#]*)(#[^)\s]*)?(?=\))")
#: A line of a diagram: the table whose id it is, the table with the column, and the column.
_JOIN = re.compile(r"^\s+(\w+) \S+ (\w+) : (\w+)$", re.MULTILINE)


def page_of_site(text: str, folder: str, place: Callable[[str], str]) -> str:
    """Rewrite a page. folder: where it is in the repository; place: where the site has a file of it."""

    def link(found: re.Match[str]) -> str:
        target, anchor = found[1], found[2] or ""
        if not target or ":" in target:
            return found[0]
        return place(_resolved(folder, target)) + anchor

    done, end = [], 0
    for fence in _FENCE.finditer(text):
        done += [_LINK.sub(link, text[end : fence.start()]), _block(fence, text)]
        end = fence.end()
    return "".join([*done, _LINK.sub(link, text[end:])])


def _resolved(folder: str, target: str) -> str:
    parts: list[str] = []
    for part in PurePosixPath(folder, target).parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def _block(fence: re.Match[str], page: str) -> str:
    """Give a block of code as it is, and a diagram as a table of its joins: drawing takes a large program."""
    if fence[3] != "mermaid":
        return fence[0]
    rows = [
        (
            f"`{holder}.{column}`",
            f"[`{target}.id`](#{target})" if f"\n### {target}\n" in page else f"`{target}.id`",
        )
        for target, holder, column in _JOIN.findall(fence[4])
    ]
    return table(("column", "joins"), rows) if rows else "None of these tables joins another."
