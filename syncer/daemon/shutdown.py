"""Shutdown on SIGTERM and SIGINT: in good order, but in time."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from types import FrameType

from syncer.process.log import Logger
from syncer.process.logging import flush_log

#: Seconds from a signal to the end of the process, whatever hangs. Containers are killed after ten.
EXIT_WITHIN = 9.0

log = Logger()


def stop_on_signals(stopping: asyncio.Event) -> None:
    """Set stopping at the first signal, and exit after EXIT_WITHIN seconds whatever hangs."""
    loop = asyncio.get_running_loop()
    # A thread, and never called off: what hangs may be the loop's own end, which waits for threads that wait
    # for a database.
    deadline = threading.Timer(EXIT_WITHIN, _exit_now)
    deadline.daemon = True

    def stop() -> None:
        if not stopping.is_set():
            log.info("service_stopping")
            stopping.set()

    def begin_deadline(_number: int, _frame: FrameType | None) -> None:
        if not deadline.ident:
            deadline.start()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
        # Beside what the loop does once it is free: it may be the loop that hangs.
        signal.signal(number, begin_deadline)


def _exit_now() -> None:
    """Exit as in a crash, which costs nothing: pages are stored whole, a dead owner's leases are free."""
    # The reader of the log may be what hangs: log from a thread.
    warning = threading.Thread(target=_warn, daemon=True)
    warning.start()
    warning.join(timeout=0.5)
    os._exit(0)


def _warn() -> None:
    log.warning("service_left_unfinished")
    flush_log()
