"""Ctrl-C during a command that works through streams: first in good order, then at once."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from syncer.cli.output import print_note
from syncer.cli.streams import drop_stalled_output

if TYPE_CHECKING:
    import asyncio

    from syncer.app import App

_T = TypeVar("_T")

#: The exit code of a command that was interrupted.
INTERRUPTED = 130
#: Seconds that the pages under way get; then the work is cancelled. What waits for Kombo may wait longer.
GRACE = 5.0


def run_interruptible(
    app: App,
    work: Coroutine[None, None, _T],
    *,
    note: Callable[[str], None] = print_note,
    stop_progress: Callable[[], None] = lambda: None,
) -> _T | None:
    """Do a command's work and close the app; None where it had to be cancelled.

    SIGINT and SIGTERM set ``app.stopping``; note tells the person so. A second signal ends the process there
    and then: a page is in the database whole or not at all, and the next command sees that this process is
    dead and takes its streams over.
    """

    # Most commands do without.
    import asyncio

    async def run() -> _T | None:
        async with app:
            try:
                return await _until_interrupted(work, app.stopping, note, stop_progress)
            finally:
                stop_progress()

    return asyncio.run(run())


async def _until_interrupted(
    work: Coroutine[None, None, _T],
    stopping: asyncio.Event,
    note: Callable[[str], None],
    stop_progress: Callable[[], None],
) -> _T | None:
    import asyncio

    loop = asyncio.get_running_loop()
    task = loop.create_task(work)

    def interrupt() -> None:
        if stopping.is_set():
            with suppress(Exception):
                stop_progress()
                sys.stdout.flush()
            os._exit(INTERRUPTED)
        stopping.set()
        note("Finishing the pages under way; Ctrl-C again stops at once.")
        loop.call_later(GRACE, task.cancel)

    with on_signals(interrupt):
        try:
            return await task
        except asyncio.CancelledError:
            if not stopping.is_set():
                raise
            return None


@contextmanager
def on_signals(handler: Callable[[], None]) -> Iterator[None]:
    """Call the handler in this loop at SIGINT and SIGTERM, also where it waits for a reader of its output."""
    import asyncio

    loop, numbers = asyncio.get_running_loop(), (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, handler)
        # Beside what the loop does once it is free: this runs within the write that keeps it.
        signal.signal(number, lambda *_: drop_stalled_output())
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
