"""Token bucket: so many at once after a pause, and so many a second from then on."""

from __future__ import annotations


class TokenBucket:
    """Count of what may happen, which grows with time; times are seconds of any clock."""

    def __init__(self, rate: float, burst: int, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = float(burst)
        self._counted_at = now

    def delay(self, now: float) -> float:
        """Compute the seconds until the next one may happen; 0 where it may now."""
        self._tokens = min(self._burst, self._tokens + (now - self._counted_at) * self._rate)
        self._counted_at = now
        missing = 1 - self._tokens
        # Waiting for the rest of a rounding would last for ever.
        return missing / self._rate if missing > 1e-6 else 0.0

    def take(self) -> None:
        """Count one that happens."""
        self._tokens -= 1
