"""Sentences of the code as Markdown."""

from __future__ import annotations

import re

#: Code; or a word that is code, without the punctuation around it.
_CODE = re.compile(r"(`[^`]+`)|((?<![\w`])(?:[^\s`(]*[_*<{][^\s`]*?|--[a-z-]+))(?=[.,;:)]*(?:\s|$))")
_PAGE = re.compile(r"\bdocs/([a-z-]+)\.md\b")


def prose(text: str) -> str:
    """Write a sentence: names and globs become code, and pages links."""

    def code(found: re.Match[str]) -> str:
        return found[1] or f"`{found[2]}`"

    marked = _CODE.sub(code, _PAGE.sub(r"[\1](\1.md)", text.replace("``", "`")))
    return marked.replace("|", "\\|")
