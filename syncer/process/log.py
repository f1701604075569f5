"""Loggers of events; the logging library is read when there is the first event to log.

Most commands log nothing, and the library takes a tenth of their time to be read.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

from msgspec import Struct


class _Unconfigured(Struct, frozen=True):
    """Configuration to come. level: of events that are logged, as of the standard library."""

    level: int
    configure: Callable[[], None]


_unconfigured: _Unconfigured | None = None

#: Methods of the library by level: whoever configures it need not give its loggers more.
_METHODS = {
    logging.DEBUG: "debug",
    logging.INFO: "info",
    logging.WARNING: "warning",
    logging.ERROR: "error",
}


def configure_when_needed(level: int, configure: Callable[[], None]) -> None:
    """Call ``configure`` before the first event of that level or above; at once where the library is read."""
    global _unconfigured
    _unconfigured = None
    if "structlog" in sys.modules:
        configure()
    else:
        _unconfigured = _Unconfigured(level, configure)


class Logger:
    """Logger of events, which have fixed words; the rest goes into fields.

    name: as of a logger of the standard library. fields: of all its events.
    """

    def __init__(self, name: str = "syncer", **fields: object) -> None:
        self._name = name
        self._fields = fields

    def bind(self, **fields: object) -> Logger:
        """Make a logger whose events have these fields, too."""
        return Logger(self._name, **{**self._fields, **fields})

    def debug(self, event: str, **fields: object) -> None:
        """Log an event for those who look for a fault."""
        self.log(logging.DEBUG, event, **fields)

    def info(self, event: str, **fields: object) -> None:
        """Log an event that is as it should be."""
        self.log(logging.INFO, event, **fields)

    def warning(self, event: str, **fields: object) -> None:
        """Log an event that is not as it should be."""
        self.log(logging.WARNING, event, **fields)

    def error(self, event: str, **fields: object) -> None:
        """Log an event after which something does not work."""
        self.log(logging.ERROR, event, **fields)

    def log(self, level: int, event: str, **fields: object) -> None:
        """Log an event at one of these levels of the standard library."""
        global _unconfigured
        awaited = _unconfigured
        if awaited is not None:
            if level < awaited.level:
                return
            awaited.configure()
            _unconfigured = None
        import structlog

        logger = structlog.get_logger(self._name, **self._fields)
        getattr(logger, _METHODS[level])(event, **fields)
