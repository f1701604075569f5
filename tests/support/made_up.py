"""Companies that are made up once and copied for each test: making one up takes three times as long."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Hashable, Iterable

from syncer.domain.catalogue.lookup import catalogue
from syncer.simulator.clock import SimClock
from syncer.simulator.company.company import Company
from syncer.simulator.company.factories import RELATIONS
from syncer.simulator.company.relations import RelationGraph

#: The companies of this process by what they were asked for with.
_KEPT: dict[Hashable, bytes] = {}


class _Pickler(pickle.Pickler):
    """Leaves out what companies share with the rest of the process."""

    def persistent_id(self, value: object) -> str | None:
        match value:
            case SimClock():
                return "clock"
            case RelationGraph():
                return "relations"
            case _:
                return None


class _Unpickler(pickle.Unpickler):
    """Puts back what was left out. clock: of the copies."""

    def __init__(self, kept: bytes, clock: SimClock) -> None:
        super().__init__(io.BytesIO(kept))
        self._shared = {"clock": clock, "relations": RELATIONS}

    def persistent_load(self, name: str) -> object:
        return self._shared[name]


def made_up(key: Hashable, clock: SimClock, make: Callable[[], Iterable[Company]]) -> list[Company]:
    """Give companies as they were made the first time that somebody asked with this key, on that clock.

    make: makes them, with no moment that follows from another clock than one that shows what this one does.
    """
    if key not in _KEPT:
        _KEPT[key] = _kept(list(make()))
    companies: list[Company] = _Unpickler(_KEPT[key], clock).load()
    return companies


def _kept(companies: list[Company]) -> bytes:
    for company in companies:
        # The environment that they may have been made for.
        company.tables.on_change = None
        # What is shown once need not be rendered for each copy.
        for model in catalogue():
            company.rows(model)
    file = io.BytesIO()
    _Pickler(file, pickle.HIGHEST_PROTOCOL).dump(companies)
    return file.getvalue()
