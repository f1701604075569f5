"""Events of the log as structlog writes them: where they go, and how they look."""

from __future__ import annotations

import json
import logging
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from syncer.domain.texts.exceptions import format_trace_of
from syncer.domain.texts.printable import printable, printable_json
from syncer.domain.texts.scrub import GAP, scrub
from syncer.process.log_writer import LogWriter

#: Fields of many lines, and what may stand in them.
_LINES = {"exception": "\n\t", "stack": "\n\t"}
#: Processors of every event.
_SHARED: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
)


def hand_to_formatter(level: int) -> None:
    """Hand events of that level and above to the root logger, for the formatter of ``make_formatter``."""
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def hand_to_standard_library(redactor: Processor) -> None:
    """Hand events as texts to the loggers of the standard library, unless structlog has been configured."""
    if structlog.is_configured():
        return
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.filter_by_level,
            structlog.processors.ExceptionRenderer(format_trace_of),
            redactor,
            structlog.processors.LogfmtRenderer(key_order=["event"]),
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def make_formatter(redactor: Processor, *, as_text: bool, colors: bool, is_utf8: bool) -> logging.Formatter:
    """Make the formatter of events and of libraries' lines: text, or JSON."""
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(
            colors=colors,
            exception_formatter=structlog.dev.plain_traceback,
            pad_event_to=0,
            # What an event says first is what matters most.
            sort_keys=False,
        )
        if as_text
        else structlog.processors.JSONRenderer(_to_json, ensure_ascii=not is_utf8)
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*_SHARED, _scrub_foreign, structlog.stdlib.ExtraAdder(LogWriter.FIELDS)],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.ExceptionRenderer(format_trace_of),
            redactor,
            *([_escape] if as_text else []),
            renderer,
        ],
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
