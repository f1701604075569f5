"""Structured logging: one line an event, as text or JSON, from our code and from libraries alike.

Events are fixed words; the rest goes into fields: ``integration``, ``model``, ``run``.
"""

from __future__ import annotations

import codecs
import json
import logging
import re
import sys
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TextIO
from urllib.parse import quote, quote_plus

from syncer.process.log import configure_when_needed
from syncer.process.log_limit import LogLimit
from syncer.process.log_writer import LogWriter

if TYPE_CHECKING:
    from structlog.typing import EventDict, WrappedLogger

HIDDEN = "**********"
#: Libraries that log each request, statement or job at INFO, some with headers and parameters.
_QUIET = ("alembic", "asyncio", "httpcore", "httpx", "procrastinate", "sqlalchemy", "uvicorn")


class Redactor:
    """Filter that replaces secrets in texts and log events, also where they are escaped."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        for secret in secrets:
            self.redact(secret)

    def redact(self, secret: str) -> None:
        """Add a secret; an empty text is none."""
        if not secret:
            return
        self._forms |= {
            secret,
            # A variable may hold bytes that are no text.
            quote(secret, safe="", errors="surrogateescape"),
            quote_plus(secret, errors="surrogateescape"),
            repr(secret)[1:-1],
            json.dumps(secret)[1:-1],
        }
        # The longest first: one form may begin another.
        forms = sorted(self._forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, forms)))

    def hide(self, text: str) -> str:
        """Replace the secrets in a text."""
        return self._pattern.sub(HIDDEN, text) if self._pattern else text

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        """Replace the secrets in an event, as a processor of structlog."""
        return {key: self._hidden(value) for key, value in event.items()}

    def _hidden(self, value: Any) -> Any:
        match value:
            case None | bool() | int() | float():
                return value
            case str():
                return self.hide(value)
            case dict():
                return {self.hide(str(key)): self._hidden(inner) for key, inner in value.items()}
            case list() | tuple() | set() | frozenset():
                return [self._hidden(inner) for inner in value]
            case _:
                # Rendered here, so that no renderer finds a secret inside of it later.
                return self.hide(str(value))


def configure_logging(
    level: str = "INFO",
    format: Literal["auto", "text", "json"] = "auto",
    *,
    redactor: Redactor | None = None,
    stream: TextIO | None = None,
    in_background: bool = False,
) -> None:
    """Send every event of that level and above to the stream (stderr unless given).

    ``auto`` is text on a terminal and JSON otherwise. in_background: a thread writes to the stream's
    descriptor, and nobody waits for its reader.
    """
    out = stream or sys.stderr
    redactor = redactor or Redactor()
    as_text = format == "text" or (format == "auto" and out.isatty())
    handler = LogWriter(out.fileno(), out.encoding) if in_background else logging.StreamHandler(out)
    handler.addFilter(LogLimit())
    handler.setFormatter(_Formatter(redactor, as_text=as_text, colors=out.isatty(), is_utf8=_is_utf8(out)))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    # It warns of every tick that finds the one before still waiting for the database, and of jobs that are
    # cancelled at the end. What goes wrong in its jobs is logged by these.
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)
    configure_when_needed(root.level, partial(_configure_events, root.level))


def log_to_standard_library(secrets: Iterable[str]) -> None:
    """Hand every event to the loggers of the standard library, whose handlers are the host program's.

    Where structlog has been configured that stays as it is.
    """
    from syncer.process.log_events import hand_to_standard_library

    hand_to_standard_library(Redactor(secrets))


def _configure_events(level: int) -> None:
    from syncer.process.log_events import hand_to_formatter

    hand_to_formatter(level)


class _Formatter(logging.Formatter):
    """Formatter of events and of libraries' lines, made for the first of them."""

    def __init__(self, redactor: Redactor, *, as_text: bool, colors: bool, is_utf8: bool) -> None:
        super().__init__()
        self._redactor = redactor
        self._style_of = {"as_text": as_text, "colors": colors, "is_utf8": is_utf8}
        self._made: logging.Formatter | None = None

    def format(self, record: logging.LogRecord) -> str:
        """Write an event, or a library's line, as one of ours."""
        if self._made is None:
            from syncer.process.log_events import make_formatter

            self._made = make_formatter(self._redactor, **self._style_of)
        return self._made.format(record)


def flush_log() -> bool:
    """Write what is still to be logged; False where nobody reads it."""
    handlers = logging.getLogger().handlers
    for handler in handlers:
        handler.flush()
    return not any(isinstance(handler, LogWriter) and handler.is_stalled for handler in handlers)


def _is_utf8(stream: TextIO) -> bool:
    """Tell whether the stream takes any character as UTF-8; JSON has no other encoding."""
    encoding = getattr(stream, "encoding", None)
    return encoding is None or codecs.lookup(encoding).name == "utf-8"
