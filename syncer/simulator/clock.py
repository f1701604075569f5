"""The simulator's clock: tests advance it, demos let it run, nothing else in the simulator knows the time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Self


class SimClock:
    """Adjustable clock that follows another one, at any speed.

    base tells the time that is followed (with a zone). ``now()`` is the moment at which the clock was
    made, plus what base has moved since times speed, plus every ``advance``.
    """

    def __init__(self, base: Callable[[], datetime], *, speed: float = 1.0) -> None:
        self._base = base
        self._speed = speed
        self._since = base()
        self._shown = self._since

    @classmethod
    def frozen(cls, at: datetime) -> Self:
        """Make a clock that stands at one moment until it is advanced."""
        return cls(lambda: at)

    def now(self) -> datetime:
        """Read the simulated time in UTC."""
        return (self._shown + (self._base() - self._since) * self._speed).astimezone(UTC)

    def now_ms(self) -> int:
        """Read the simulated time in whole milliseconds since 1970, the resolution of Kombo's timestamps."""
        return int(self.now().timestamp() * 1000)

    def advance(self, by: timedelta) -> None:
        """Move the clock forward."""
        self._shown += by

    def run(self, speed: float) -> None:
        """Continue from the present moment at another speed; 0 stops the clock."""
        self._shown, self._since, self._speed = self.now(), self._base(), speed
