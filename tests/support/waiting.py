"""Waiting for what another thread, process or task brings about, for so long and no longer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

#: Seconds after which a test gives up waiting: ten times what a busy machine needs.
PATIENCE = 300
#: Seconds between two looks.
PAUSE = 0.01

T = TypeVar("T")


def until(condition: Callable[[], T], what: str) -> T:
    """Wait until the condition gives something true, and give that. what: for the message of a failure."""
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline, f"this never came: {what}"
        time.sleep(PAUSE)
    return found


async def until_async(condition: Callable[[], T], what: str) -> T:
    """Wait as ``until`` does, while other tasks of this loop go on."""
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline, f"this never came: {what}"
        await asyncio.sleep(PAUSE)
    return found
