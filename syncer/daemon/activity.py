"""Activity of the service: when it last got on with its work, so that a stall is noticed."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta


class Activity:
    """Times of what happens again and again. monotonic: elapsed time in seconds."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._began_at = monotonic()
        self._page_at: float | None = None
        self._tick_at: float | None = None

    def page_stored(self) -> None:
        """Note that a run has stored a page."""
        self._page_at = self._monotonic()

    def ticked(self) -> None:
        """Note that the scheduler has got through a job."""
        self._tick_at = self._monotonic()

    @property
    def ages(self) -> list[timedelta]:
        """Ages of the start and of the last page, if there was one."""
        return [self._age(each) for each in (self._began_at, self._page_at) if each is not None]

    @property
    def tick_age(self) -> timedelta | None:
        """Age of the last tick; None: there was none yet."""
        return None if self._tick_at is None else self._age(self._tick_at)

    def _age(self, moment: float) -> timedelta:
        return timedelta(seconds=self._monotonic() - moment)
