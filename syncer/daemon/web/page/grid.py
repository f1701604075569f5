"""Grid of the status page: integrations by models, which rows are shown, and in which order. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

from syncer.daemon.web.page.verdict import needs_attention
from syncer.domain.streams.state import MEANINGS, StreamState
from syncer.store.reading.freshness import Freshness

#: Integrations on one page of the grid.
ROWS = 25
#: Seconds of age up to which a stream has each tone of freshness; older ones have the last.
TONES = (15 * 60, 3_600, 86_400)

_MOST_URGENT_FIRST = {state: place for place, state in enumerate(MEANINGS)}

Show = Literal["all", "trouble", "running"]


class GridQuery(Struct, frozen=True):
    """Choice of a reader. text: part of an id, tool or organisation; page: from 1."""

    text: str = ""
    show: Show = "all"
    page: int = 1


class GridPage(Struct, frozen=True):
    """Integrations of one page, the most urgent trouble first. found: how many the query finds of all."""

    rows: Sequence[Mapping[str, Any]]
    found: int
    all: int
    page: int

    @property
    def pages(self) -> int:
        """Number of pages; an empty one is one, too."""
        return max(1, -(-self.found // ROWS))

    @property
    def first(self) -> int:
        """Place of its first row among those that were found."""
        return (self.page - 1) * ROWS + 1


def choose_rows(status: Mapping[str, Any], query: GridQuery) -> GridPage:
    """Choose the integrations of a status report that a query shows; a page beyond the last is the last."""
    troubled = [each for each in status["streams"] if needs_attention(each)]
    troubles = Counter(each["integration"] for each in troubled)
    worst: dict[str, int] = {}
    for each in troubled:
        place = _MOST_URGENT_FIRST[StreamState(each["state"])]
        worst[each["integration"]] = min(place, worst.get(each["integration"], place))
    words = query.text.casefold().split()
    found = [
        each
        for each in status["integrations"]
        if all(word in _searched(each) for word in words) and _is_shown(each, query.show, troubles)
    ]
    found.sort(key=lambda each: (worst.get(each["id"], len(StreamState)), -troubles[each["id"]]))
    page = min(query.page, max(1, -(-len(found) // ROWS)))
    return GridPage(found[(page - 1) * ROWS : page * ROWS], len(found), len(status["integrations"]), page)


def columns_of(cells: Collection[Mapping[str, Freshness]], order: Sequence[str]) -> list[str]:
    """Name the models that have something to show in these rows, in the given order."""
    shown = {
        model for row in cells for model, cell in row.items() if cell.state is not StreamState.UNAVAILABLE
    }
    place = {name: number for number, name in enumerate(order)}
    return sorted(shown, key=lambda name: (place.get(name, len(place)), name))


def tone(complete_at: datetime, now: datetime) -> int:
    """Give the tone of an age, 0 for the freshest."""
    seconds = (now - complete_at).total_seconds()
    return next((number for number, most in enumerate(TONES) if seconds < most), len(TONES))


def sort_states(counts: Mapping[str, int]) -> list[tuple[StreamState, int]]:
    """Sort numbers of streams by their state, the most urgent first."""
    states = sorted(map(StreamState, counts), key=_MOST_URGENT_FIRST.__getitem__)
    return [(state, counts[state]) for state in states]


def _searched(integration: Mapping[str, Any]) -> str:
    facts = (integration[name] for name in ("id", "tool", "organisation", "category", "status"))
    return " ".join(fact for fact in facts if fact).casefold()


def _is_shown(integration: Mapping[str, Any], show: Show, troubles: Counter[str]) -> bool:
    match show:
        case "trouble":
            return bool(troubles[integration["id"]])
        case "running":
            return bool(integration["running"])
        case _:
            return True
