"""Shutdown on SIGTERM and SIGINT: in good order, but in time."""

from __future__ import annotations

import asyncio
import os
import signal
import threading

import structlog

#: Seconds from a signal to the end of the process, whatever hangs. Containers are killed after ten.
EXIT_WITHIN = 9.0

log = structlog.get_logger("syncer")


def stop_on_signals(stopping: asyncio.Event) -> None:
    """Set stopping at the first signal, and exit after EXIT_WITHIN seconds whatever hangs."""
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if stopping.is_set():
            return
        log.info("service_stopping")
        stopping.set()
        # A thread, and never called off: what hangs may be the loop's own end, which waits for threads that
        # wait for a database.
        deadline = threading.Timer(EXIT_WITHIN, _exit_now)
        deadline.daemon = True
        deadline.start()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)


def _exit_now() -> None:
    """Exit as in a crash, which costs nothing: pages are stored whole, a dead owner's leases are free."""
    # The reader of the log may be what hangs: log from a thread.
    warning = threading.Thread(target=lambda: log.warning("service_left_unfinished"), daemon=True)
    warning.start()
    warning.join(timeout=0.5)
    os._exit(0)
