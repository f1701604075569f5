"""Faults of delivery: what becomes of an event on its way, drawn from a seeded source of chance."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Literal, Self

from msgspec import Struct

from syncer.domain.durations import parse_duration

#: Seconds by which an event is late that others overtake, at most.
REORDER_WITHIN = 2.0

#: Ways in which a forged webhook is signed.
Forgery = Literal["other secret", "hexadecimal", "padded", "unsigned"]
FORGERIES: tuple[Forgery, ...] = ("other secret", "hexadecimal", "padded", "unsigned")


class Delivery(Struct, frozen=True):
    """One sending of an event: seconds after it came about, and how it is forged, if it is."""

    after: float = 0.0
    forgery: Forgery | None = None


class WebhookFaults(Struct, frozen=True):
    """Faults on the way of events.

    Shares of them, from 0 to 1: lose, those that are lost; double, sent twice; reorder, overtaken by later
    ones; forge, those beside which somebody sends one of his own without knowing the secret. delay: seconds
    that all are late.
    """

    lose: float = 0.0
    double: float = 0.0
    reorder: float = 0.0
    delay: float = 0.0
    forge: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``lose=0.3,double=0.3,reorder=0.3,delay=2s,forge=0.1``, or some of it.

        Raises ValueError with a sentence on what is wrong.
        """
        known = cls.__struct_fields__
        given: dict[str, float] = {}
        for part in filter(None, (each.strip() for each in text.split(","))):
            name, equals, value = (each.strip() for each in part.partition("="))
            if not equals or name not in known:
                raise ValueError(
                    f"{part!r} is no fault: known are {', '.join(known)}, as in lose=0.3,delay=2s."
                )
            if name in given:
                raise ValueError(f"{name} is given twice.")
            given[name] = _duration(value) if name == "delay" else _share(name, value)
        return cls(**given)

    def deliveries(self, rng: Random) -> list[Delivery]:
        """Draw what becomes of one event. The same chance gives the same, whichever faults are on."""
        lost, doubled, overtaken, forged = (rng.random() for _ in range(4))
        late, again, forgery = rng.random(), rng.random(), FORGERIES[rng.randrange(len(FORGERIES))]
        after = self.delay + (late * REORDER_WITHIN if overtaken < self.reorder else 0.0)
        sent = [] if lost < self.lose else [Delivery(after)]
        if sent and doubled < self.double:
            sent.append(Delivery(after + again * REORDER_WITHIN))
        if forged < self.forge:
            sent.append(Delivery(self.delay, forgery))
        return sent


NO_FAULTS = WebhookFaults()


def _share(name: str, value: str) -> float:
    try:
        share = float(value)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise ValueError(f"{name} is the share of the events that it concerns, from 0 to 1: not {value!r}.")
    return share


def _duration(value: str) -> float:
    try:
        return parse_duration(value) / timedelta(seconds=1)
    except ValueError as error:
        raise ValueError(f"delay {error}.") from None
