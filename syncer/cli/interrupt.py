"""Ctrl-C during a command that works through streams: first in good order, then at once."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import TypeVar

_T = TypeVar("_T")

#: The exit code of a command that was interrupted.
INTERRUPTED = 130
#: Seconds that the pages under way get; then the work is cancelled. What waits for Kombo may wait longer.
GRACE = 5.0


async def until_interrupted(
    work: Coroutine[None, None, _T],
    stopping: asyncio.Event,
    *,
    note: Callable[[str], None],
    stop_showing: Callable[[], None],
) -> _T | None:
    """Do the work; SIGINT and SIGTERM set stopping. Gives None where the work had to be cancelled.

    A second signal ends the process there and then: a page is in the database whole or not at all, and the
    next command sees that this process is dead and takes its streams over.
    """
    loop = asyncio.get_running_loop()
    task = loop.create_task(work)

    def interrupt() -> None:
        if stopping.is_set():
            with suppress(Exception):
                stop_showing()
                sys.stdout.flush()
            os._exit(INTERRUPTED)
        stopping.set()
        note("Finishing the pages under way; Ctrl-C again stops at once.")
        loop.call_later(GRACE, task.cancel)

    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, interrupt)
    try:
        return await task
    except asyncio.CancelledError:
        if not stopping.is_set():
            raise
        return None
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
