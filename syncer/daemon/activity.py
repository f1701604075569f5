"""Activity of the service: when it last got on with its work, so that a stall is noticed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import timedelta

from syncer.domain.stream_key import StreamKey


class Activity:
    """Times of what happens again and again. monotonic: elapsed time in seconds."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._began_at = monotonic()
        self._page_at: float | None = None
        self._tick_at: float | None = None
        #: By environment, as the database had them last.
        self._walks: dict[str, dict[StreamKey, tuple[str, int]]] = {}

    def page_stored(self) -> None:
        """Note that a page has been stored."""
        self._page_at = self._monotonic()

    def walks_seen(self, environment: str, walks: Mapping[StreamKey, tuple[str, int]]) -> None:
        """Note the walks that are under way in the database, each with its id and the pages that are stored.

        Workers and other services store pages of which this process is not told: a stream whose walk has
        another number of them than it had last has got on.
        """
        seen = self._walks.setdefault(environment, {})
        if any(key in seen and seen[key] != walk and walk[1] > 0 for key, walk in walks.items()):
            self.page_stored()
        seen.update(walks)

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
