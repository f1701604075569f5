"""Logging as it was before a test set it up: later tests of the same process look at what is logged, too."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog


@contextmanager
def logging_put_back() -> Iterator[None]:
    """Put the handlers of the root logger, its level and structlog back at the end of the block."""
    root = logging.getLogger()
    before = root.handlers, root.level
    try:
        yield
    finally:
        root.handlers, root.level = before
        structlog.reset_defaults()
