"""Output of single records that were fetched: by id, or from quarantine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from syncer.cli.output import print_line
from syncer.domain.texts.printable import printable

if TYPE_CHECKING:
    from syncer.sync.refresh import Refreshed

#: Effects that leave a record out of the mirror, in words; the others are words already.
_NOT_STORED = {
    "unknown": "unknown to Kombo",
    "quarantined": "in quarantine",
    "erased": "erased here, and not stored",
}


def in_words(reason: str) -> str:
    """Put the reason of an entry in quarantine into words; most are words already."""
    from syncer.domain.records.record import ID_TAKEN

    return f"{reason}: another integration has a row with its id" if reason == ID_TAKEN else reason


def are_well(refreshed: Sequence[Refreshed]) -> bool:
    """True where every record is in the mirror now, and whole."""
    return all(each.became not in _NOT_STORED and each.reason is None for each in refreshed)


def value_of(refreshed: Refreshed) -> dict[str, Any]:
    """Report what became of a record as plain values, for JSON."""
    return {
        "asked": refreshed.asked,
        "id": refreshed.id,
        "became": refreshed.became,
        "reason": refreshed.reason,
    }


def print_refreshed(model: str, refreshed: Sequence[Refreshed]) -> None:
    """Print a line for each record, then how many became what."""
    for each in refreshed:
        also = f" ({each.id})" if each.id not in {None, each.asked} else ""
        why = f": {in_words(each.reason)}" if each.reason else ""
        print_line(printable(f"{model} {each.asked}{also} {_words(each)}{why}"))
    counts = Counter(map(_words, refreshed))
    if len(refreshed) > 1:
        print_line(", ".join(f"{number} {words}" for words, number in counts.most_common()))


def _words(refreshed: Refreshed) -> str:
    return _NOT_STORED.get(refreshed.became, refreshed.became)
