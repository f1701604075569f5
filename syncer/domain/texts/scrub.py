"""Scrub texts that the API, a database or a library wrote: nothing of a record is left in them. Pure.

Such a text may quote any value, without quotation marks, too. So it is not searched for what looks like a
person: the words that messages about errors are made of stay, and anything else gives way.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files

#: Characters of a scrubbed text, at most.
LONGEST = 200
#: Sign in place of what was taken out.
GAP = "…"

_QUOTED = re.compile(r"\"[^\"]*\"|'[^'\s][^']*'|`[^`]*`|[“„«][^”“»]*[”“»]|\([^()]*=[^()]*\)")
#: An item of a text with the punctuation around it.
_ITEM = re.compile(r"(?P<before>[(\[]*)(?P<word>.*?)(?P<after>[)\].,;:!?]*)")
_WORD = re.compile(r"[A-Za-z][a-z_'-]*|[A-Z]{2,8}")
_GAPS = re.compile(rf"{GAP}[.,;:]*(?:\s+[(\[]*{GAP}[)\]]*)+")
_CODE = re.compile(r"[A-Z][A-Z_]{0,39}(?:\.[A-Z][A-Z0-9_]{0,59})?")


def scrub(text: str) -> str:
    """Return the plain words of a text on one line; empty where hardly any are left."""
    items: list[str] = []
    begins = True
    for item in _QUOTED.sub(f" {GAP} ", text[: 10 * LONGEST]).split():
        items.append(_scrubbed(item, begins=begins))
        begins = item.endswith((".", ":", "!", "?"))
    known = sum(any(character.isalpha() for character in item) for item in items)
    if known < 2 and known < len(items):
        return ""
    line = _GAPS.sub(GAP, " ".join(items))
    return line if len(line) <= LONGEST else line[: LONGEST - 1].rstrip() + GAP


def scrub_code(text: str) -> str:
    """Return a code or status of the API; the sign of a gap for a text that is none."""
    return text if _CODE.fullmatch(text) else GAP


def _scrubbed(item: str, *, begins: bool) -> str:
    """Scrub an item; begins: it is the first of a sentence, where every word has a capital letter."""
    found = _ITEM.fullmatch(item)
    assert found is not None
    word = found["word"]
    is_name = word.istitle() and not begins and word != "Kombo"
    is_plain = not word or (_WORD.fullmatch(word) and not is_name and _is_known(word.lower()))
    return found["before"] + (word if is_plain else GAP) + found["after"]


def _is_known(word: str) -> bool:
    words = _plain_words()
    return word in words or all(part in words for part in word.removesuffix("'s").split("-"))


@cache
def _plain_words() -> frozenset[str]:
    text = files("syncer.domain.texts").joinpath("plain_words.json").read_text(encoding="utf-8")
    return frozenset(" ".join(json.loads(text)).split())
