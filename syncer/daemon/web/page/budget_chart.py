"""Chart of a request budget's last hour: one bar a minute, as numbers for SVG. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from syncer.domain.ratelimit.history import Slot

#: Units of the picture: a bar and the gap behind it, and the height of the whole limit.
STEP, BAR, HEIGHT = 10, 7, 80


class Bar(Struct, frozen=True):
    """Rectangle of one minute. is_over: it went into the reserve. refused: answers 429."""

    x: int
    y: float
    height: float
    is_over: bool
    refused: int


class Chart(Struct, frozen=True):
    """Bars, the height at which the reserve begins, and what there is to read in words.

    minutes: of which something is known. highest: the greatest share of the limit, in percent.
    """

    bars: Sequence[Bar]
    reserve_y: float | None
    minutes: int
    highest: int
    refused: int

    @property
    def width(self) -> int:
        """Width of the picture."""
        return len(self.bars) * STEP

    @property
    def words(self) -> str:
        """The chart in a sentence."""
        if self.minutes >= len(self.bars):
            span = "the last hour"
        else:
            span = "the last minute" if self.minutes == 1 else f"the last {self.minutes} minutes"
        refused = "None was refused."
        if self.refused:
            refused = f"{self.refused:,} request{' was' if self.refused == 1 else 's were'} refused."
        return f"At most {self.highest}% of the limit was used in a window of {span}. {refused}"


def draw(slots: Sequence[Slot], reserve: float) -> Chart:
    """Draw slots, the oldest first; reserve: the part of the limit that scheduled reads leave over."""
    bars = []
    for number, slot in enumerate(slots):
        share = min(slot.share or 0.0, 1.0)
        # What is little is seen, too.
        height = 0.0 if not share else max(1.5, round(share * HEIGHT, 1))
        is_over = bool(reserve) and share > 1 - reserve
        bars.append(Bar(number * STEP, HEIGHT - height, height, is_over, slot.refused))
    shares = [slot.share for slot in slots if slot.share is not None]
    return Chart(
        bars,
        round(reserve * HEIGHT, 1) if reserve else None,
        minutes=len(shares),
        highest=round(100 * max(shares, default=0.0)),
        refused=sum(slot.refused for slot in slots),
    )
