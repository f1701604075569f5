"""The first state of a made-up company: all lists, filled from one random source."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from syncer.simulator.company.factories import FACTORIES
from syncer.simulator.company.factory import Factory
from syncer.simulator.company.ids import DAY_MS
from syncer.simulator.company.maker import Maker
from syncer.simulator.company.sizes import sizes

#: Records that came with one sync share one changed_at; a company's past has so many syncs.
_SYNCS = 240
_HOURS_BETWEEN_SYNCS = 6


def build(maker: Maker, rng: Random, records: int) -> None:
    """Fill an empty maker, in the order of the registrations."""
    now = maker.clock.now_ms()
    wanted = sizes(records)

    def past() -> int:
        return now - int(1 + rng.random() * _SYNCS) * _HOURS_BETWEEN_SYNCS * DAY_MS // 24

    def fill(factories: Iterable[Factory]) -> None:
        for factory in factories:
            for _ in range(wanted[factory.model]):
                factory.make(maker, rng, past())

    earliest = now - (_SYNCS + 1) * _HOURS_BETWEEN_SYNCS * DAY_MS // 24
    for factory in FACTORIES.values():
        if factory.prepare is not None:
            factory.prepare(maker, rng, earliest)
    fill(each for each in FACTORIES.values() if not each.dependent)
    for factory in FACTORIES.values():
        if factory.complete is not None:
            for record in list(maker.tables.of(factory.model).values()):
                factory.complete(maker, rng, past(), record)
    fill(each for each in FACTORIES.values() if each.dependent)
