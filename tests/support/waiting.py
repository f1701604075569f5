"""Waiting for what another thread, process or task brings about, for so long and no longer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

#: Seconds after which a test gives up waiting: ten times what a busy machine needs.
PATIENCE = 300
#: Seconds between two looks, and how many times as long as a look took are added to them: it takes time away
#: from those who bring about what is waited for.
PAUSE, REST = 0.01, 4

T = TypeVar("T")


def until(condition: Callable[[], T], what: str) -> T:
    """Wait until the condition gives something true, and give that. what: for the message of a failure."""
    deadline = time.monotonic() + PATIENCE
    found, pause = _look(condition)
    while not found:
        assert time.monotonic() < deadline, f"this never came: {what}"
        time.sleep(pause)
        found, pause = _look(condition)
    return found


async def until_async(condition: Callable[[], T], what: str) -> T:
    """Wait as ``until`` does, while other tasks of this loop go on."""
    deadline = time.monotonic() + PATIENCE
    found, pause = _look(condition)
    while not found:
        assert time.monotonic() < deadline, f"this never came: {what}"
        await asyncio.sleep(pause)
        found, pause = _look(condition)
    return found


def _look(condition: Callable[[], T]) -> tuple[T, float]:
    """Give what the condition gives, and the seconds until the next look."""
    began = time.thread_time()
    found = condition()
    return found, PAUSE + REST * (time.thread_time() - began)
