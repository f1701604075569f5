"""Outcomes of calls through the gateway."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """End of a call.

    hit: answered from the mirror. miss: answered by Kombo, whatever it said. refused: no token, or a wrong
    one. invalid: refused for what was asked. limited: the request limit was used up for too long. unsent: it
    did not reach Kombo. doubtful: it was sent, and no answer came. withheld: an answer came that may show
    what is excluded or erased. broken: the answer broke off. gone: the application did not wait for it.
    unavailable: the service or its database was not ready.
    """

    HIT = "hit"
    MISS = "miss"
    REFUSED = "refused"
    INVALID = "invalid"
    LIMITED = "limited"
    UNSENT = "unsent"
    DOUBTFUL = "doubtful"
    WITHHELD = "withheld"
    BROKEN = "broken"
    GONE = "gone"
    UNAVAILABLE = "unavailable"
