"""Permits that a process has taken ahead of its requests, as long as they are good."""

from __future__ import annotations

from msgspec import Struct, field
from msgspec.structs import replace

from syncer.domain.ratelimit.ahead import is_scarce
from syncer.domain.ratelimit.budget import Permit, Purpose, Rate, Reserve


class HeldPermits(Struct):
    """Permits of one transaction. taken_at, until: by the clock of whoever holds them, in seconds."""

    permits: list[Permit] = field(default_factory=list)
    taken_at: float = 0.0
    until: float = 0.0

    def good_for(self, now: float) -> float:
        """Tell for how many seconds there are some that are good."""
        return max(0.0, self.until - now) if self.permits else 0.0

    def use(self, purpose: Purpose, now: float) -> Permit | None:
        """Use one that is good for this purpose; None where there is none."""
        if not self.good_for(now) or not Purpose.INCREMENTAL <= purpose <= self.permits[-1].purpose:
            return None
        permit = self.permits.pop()
        # As if it had been taken now: what its response says of the window's end counts from here.
        return replace(permit, taken_at=permit.taken_at + (now - self.taken_at))

    def let_go(self) -> None:
        """Use no more of them."""
        self.until = 0.0

    def let_go_if_scarce(self, rate: Rate | None, reserve: Reserve) -> None:
        """Use no more of them where a response shows that others use the key up."""
        if rate is not None and is_scarce(len(self.permits), rate, reserve):
            self.let_go()
