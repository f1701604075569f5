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
#: What took long so far may take longer: the pause grows to this share of it, and to so many seconds at most.
SHARE, LONGEST = 0.05, 0.1

T = TypeVar("T")


def until(condition: Callable[[], T], what: str) -> T:
    """Wait until the condition gives something true, and give that. what: for the message of a failure."""
    began = time.monotonic()
    found, rest = _look(condition)
    while not found:
        time.sleep(_pause(began, what) + rest)
        found, rest = _look(condition)
    return found


async def until_async(condition: Callable[[], T], what: str) -> T:
    """Wait as ``until`` does, while other tasks of this loop go on."""
    began = time.monotonic()
    found, rest = _look(condition)
    while not found:
        await asyncio.sleep(_pause(began, what) + rest)
        found, rest = _look(condition)
    return found


async def rest() -> None:
    """Leave the machine to those who bring it about, between two looks of a test that looks by itself."""
    await asyncio.sleep(LONGEST)


def _pause(began: float, what: str) -> float:
    """Give the seconds until the next look; fails where patience is at its end."""
    waited = time.monotonic() - began
    assert waited < PATIENCE, f"this never came: {what}"
    return min(max(PAUSE, SHARE * waited), LONGEST)


def _look(condition: Callable[[], T]) -> tuple[T, float]:
    """Give what the condition gives, and the seconds of rest after it."""
    began = time.thread_time()
    found = condition()
    return found, REST * (time.thread_time() - began)
