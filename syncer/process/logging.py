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
from typing import Any, Literal, TextIO
from urllib.parse import quote, quote_plus

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from syncer.domain.texts.exceptions import format_trace_of
from syncer.domain.texts.printable import printable, printable_json
from syncer.domain.texts.scrub import GAP, scrub
from syncer.process.log_limit import LogLimit
from syncer.process.log_writer import LogWriter

HIDDEN = "**********"
#: Fields of many lines, and what may stand in them.
_LINES = {"exception": "\n\t", "stack": "\n\t"}
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
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(
            colors=out.isatty(),
            exception_formatter=structlog.dev.plain_traceback,
            pad_event_to=0,
            # What an event says first is what matters most.
            sort_keys=False,
        )
        if as_text
        else structlog.processors.JSONRenderer(_to_json, ensure_ascii=not _is_utf8(out))
    )
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    handler = LogWriter(out.fileno(), out.encoding) if in_background else logging.StreamHandler(out)
    handler.addFilter(LogLimit())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _scrub_foreign, structlog.stdlib.ExtraAdder(LogWriter.FIELDS)],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.ExceptionRenderer(format_trace_of),
                redactor,
                *([_escape] if as_text else []),
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    # It warns of every tick that finds the one before still waiting for the database, and of jobs that are
    # cancelled at the end. What goes wrong in its jobs is logged by these.
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(root.level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def log_to_standard_library(secrets: Iterable[str]) -> None:
    """Hand every event to the loggers of the standard library, whose handlers are the host program's.

    Where structlog has been configured that stays as it is.
    """
    if structlog.is_configured():
        return
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.filter_by_level,
            structlog.processors.ExceptionRenderer(format_trace_of),
            Redactor(secrets),
            structlog.processors.LogfmtRenderer(key_order=["event"]),
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def _scrub_foreign(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Scrub the text of a library's event: it may repeat an exception's, with keys and rows."""
    if event["logger"] == LogWriter.NAME:
        return event
    return {**event, "event": scrub(str(event["event"])) or GAP}


def _escape(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Escape what would steer a terminal; a trace keeps its lines."""
    return {
        printable(key): printable(value if isinstance(value, str) else str(value), keep=_LINES.get(key, ""))
        if not isinstance(value, None | bool | int | float)
        else value
        for key, value in event.items()
    }


def _to_json(event: EventDict, **options: Any) -> str:
    """Write an event as JSON that any terminal shows."""
    return printable_json(json.dumps(event, **options))


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
