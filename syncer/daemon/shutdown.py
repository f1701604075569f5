"""SIGTERM and SIGINT: the end in good order, and the end at all."""

from __future__ import annotations

import asyncio
import os
import signal
import threading

import structlog

#: Seconds after a signal by which the process has ended, whatever hangs. Containers are killed after ten.
LAST = 9.0

log = structlog.get_logger("syncer")


def end_on_signals(stopping: asyncio.Event) -> None:
    """Set stopping at the first signal, and see to it that the process ends in time."""
    loop = asyncio.get_running_loop()

    def end() -> None:
        if stopping.is_set():
            return
        log.info("service_stopping")
        stopping.set()
        # A thread, and never called off: what hangs may be the loop's own end, which waits for threads that
        # wait for a database.
        last = threading.Timer(LAST, _leave)
        last.daemon = True
        last.start()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)


def _leave() -> None:
    """End as a crash would, which costs nothing: pages are stored whole, a dead owner's leases are free."""
    # What hangs may be whoever should read the log.
    telling = threading.Thread(target=lambda: log.warning("service_left_unfinished"), daemon=True)
    telling.start()
    telling.join(timeout=0.5)
    os._exit(0)
