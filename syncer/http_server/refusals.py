"""Log of what the server refused to its clients: one line at once, then one a minute with the numbers."""

from __future__ import annotations

import asyncio
from collections import Counter

import structlog

#: Seconds between two lines.
LOG_EVERY = 60.0

log = structlog.get_logger("syncer")


class Refusals:
    """Counter of refusals by their reason, which logs them sparingly.

    Clients bring them about, as many as they like: no client fills a disk with lines about it.
    """

    def __init__(self, server: str) -> None:
        self._server = server
        self._counts: Counter[str] = Counter()
        self._timer: asyncio.TimerHandle | None = None

    def count(self, reason: str) -> None:
        """Count one of a reason, which is a word for the log."""
        self._counts[reason] += 1
        if self._timer is None:
            self._log()

    def close(self) -> None:
        """Log what was not logged yet."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._counts:
            self._write()

    def _log(self) -> None:
        self._timer = None
        if self._counts:
            self._write()
            self._timer = asyncio.get_running_loop().call_later(LOG_EVERY, self._log)

    def _write(self) -> None:
        log.warning("requests_refused", server=self._server, **self._counts)
        self._counts.clear()
