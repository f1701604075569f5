"""Describe exceptions without the values that their messages quote. Pure.

A message of ours is safe. One of a driver or a library repeats keys and rows: ``Key (email)=(…) exists``.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from types import TracebackType

from syncer.domain.errors import SyncerError
from syncer.domain.texts.scrub import scrub


def describe_exception(error: BaseException) -> str:
    """Describe an exception in a line; one that is not ours by its type and its message's plain words."""
    if isinstance(error, SyncerError):
        return str(error)
    # SQLAlchemy's message is the driver's between its class and the statement.
    words = str(getattr(error, "orig", None) or error).splitlines() or [""]
    scrubbed = scrub(words[0]).rstrip(".")
    return f"{type(error).__name__}: {scrubbed}" if scrubbed else type(error).__name__


def format_trace(error: BaseException) -> str:
    """Format where an exception comes from, with what caused it, as Python does."""
    return "\n".join(_lines(error, set()))


def format_trace_of(
    exc_info: tuple[type[BaseException], BaseException, TracebackType | None],
) -> str:
    """Format the trace of ``sys.exc_info()``."""
    return format_trace(exc_info[1])


def _lines(error: BaseException, known: set[int]) -> Iterator[str]:
    known.add(id(error))
    cause = error.__cause__
    link = "The above exception was the direct cause of the following exception:"
    if cause is None and not error.__suppress_context__:
        cause = error.__context__
        link = "During handling of the above exception, another exception occurred:"
    if cause is not None and id(cause) not in known:
        yield from _lines(cause, known)
        yield f"\n{link}\n"
    if error.__traceback__ is not None:
        yield "Traceback (most recent call last):"
        yield "".join(traceback.format_tb(error.__traceback__)).rstrip("\n")
    described = describe_exception(error)
    if isinstance(error, SyncerError):
        described = f"{type(error).__name__}: {described}"
    module = type(error).__module__
    yield described if module == "builtins" else f"{module}.{described}"
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            if id(each) not in known:
                yield from ("  " + line for text in _lines(each, known) for line in text.splitlines())
