"""Use of a request budget over the last hour: how near its limit each minute came. Pure."""

from __future__ import annotations

from msgspec import Struct

from syncer.domain.ratelimit.budget import Budget

#: Seconds of a slot, and slots that are kept.
SLOT = 60
SLOTS = 60


class Slot(Struct, frozen=True):
    """One minute of a budget.

    share: the greatest part of a window's limit that was used, 0 to 1, and above where others use the key;
    None where nothing is known of the minute. refused: answers 429 that came in it.
    """

    share: float | None = None
    refused: int = 0


class BudgetHistory:
    """Samples of one budget, as slots by the minute; what is older than an hour is forgotten."""

    def __init__(self) -> None:
        self._slots: dict[int, Slot] = {}
        self._refusals: int | None = None

    @property
    def is_empty(self) -> bool:
        """True before the first sample."""
        return not self._slots

    def note(self, budget: Budget | None, now: float) -> None:
        """Add a sample, at seconds since 1970 by the database's clock; None: there is no budget yet.

        The use of a window grows until the window ends: so a minute has as much as its greatest sample says.
        """
        minute = int(now // SLOT)
        before = self._slots.get(minute, Slot())
        share, refused = before.share or 0.0, before.refused
        if budget is not None:
            if budget.limit and budget.ends_at is not None and budget.ends_at > now:
                share = max(share, budget.effective_used / budget.limit)
            if self._refusals is not None:
                refused += max(0, budget.refusals - self._refusals)
            self._refusals = budget.refusals
        self._slots[minute] = Slot(share, refused)
        for old in [each for each in self._slots if not minute - SLOTS < each <= minute]:
            # Also what a clock that was ahead has dated.
            del self._slots[old]

    def use_key(self) -> None:
        """Forget the count of refusals: that of another key begins elsewhere."""
        self._refusals = None

    def slots(self, now: float) -> list[Slot]:
        """Give the slots of the last hour, the oldest first and the present minute last."""
        minute = int(now // SLOT)
        return [self._slots.get(each, Slot()) for each in range(minute - SLOTS + 1, minute + 1)]
