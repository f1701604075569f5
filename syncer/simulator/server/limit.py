"""The request limit of an API key: fixed windows, told in three headers on every answer."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil


class RateLimit:
    """Fixed-window rate limit of one API key.

    A window begins with the first request after the last one ended. now tells seconds on any clock that
    does not go back. Other users of the same key are played with ``spend()``.
    """

    def __init__(self, now: Callable[[], float], *, limit: int = 300, window: float = 60.0) -> None:
        self.limit = limit
        self.window = window
        self.refused = 0
        self._now = now
        self._used = 0
        self._ends_at: float | None = None

    @property
    def used(self) -> int:
        """Count the requests of the present window."""
        self._turn()
        return self._used

    def spend(self, requests: int = 1) -> bool:
        """Spend requests; False, and none is spent, if the window has no room for them."""
        self._turn()
        if self._used + requests > self.limit:
            self.refused += 1
            return False
        if self._ends_at is None:
            self._ends_at = self._now() + self.window
        self._used += requests
        return True

    def headers(self) -> dict[str, str]:
        """Write ``ratelimit-limit``, ``-remaining`` and ``-reset`` (seconds) as they stand."""
        self._turn()
        left = self.window if self._ends_at is None else self._ends_at - self._now()
        return {
            "ratelimit-limit": str(self.limit),
            "ratelimit-remaining": str(max(0, self.limit - self._used)),
            "ratelimit-reset": str(ceil(left)),
        }

    def _turn(self) -> None:
        if self._ends_at is not None and self._now() >= self._ends_at:
            self._ends_at, self._used = None, 0
