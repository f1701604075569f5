"""Limit of log lines that come again and again: one a minute of each kind, with the number of the others."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

#: Seconds between two lines of one kind.
EVERY = 60.0
#: Loggers of libraries that log whatever happens on a connection or in the event loop.
LIMITED = ("asyncio", "uvicorn")

_Kind = tuple[str, int, type[BaseException] | None]


class LogLimit(logging.Filter):
    """Filter of a handler that lets lines of some libraries pass once a minute.

    Lines are of one kind that share logger, level and class of exception: their texts name connections.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._monotonic = monotonic
        self._passed: dict[_Kind, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the line passes; one that does says how many did not since the last one."""
        if record.name.partition(".")[0] not in LIMITED:
            return True
        kind = (record.name, record.levelno, record.exc_info[0] if record.exc_info else None)
        now = self._monotonic()
        passed_at, held_back = self._passed.get(kind, (now - EVERY, 0))
        if now - passed_at < EVERY:
            self._passed[kind] = passed_at, held_back + 1
            return False
        self._passed[kind] = now, 0
        if held_back:
            record.msg = f"{record.getMessage()} (and {held_back:,} more of the kind since the last one)"
            record.args = ()
        return True
