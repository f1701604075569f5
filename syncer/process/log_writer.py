"""Handler that writes the log from a thread of its own: nobody waits for whoever reads it, or does not."""

from __future__ import annotations

import logging
import os
import select
import threading
from collections import deque

#: Bytes of lines that wait to be written; further ones are lost, and counted.
MOST_PENDING = 1024 * 1024
#: Seconds that ``flush`` waits for a reader.
PATIENCE = 2.0


class LogWriter(logging.Handler):
    """Bounded queue of lines in front of a descriptor, and the thread that writes them in their order.

    Lines are lost where too many wait, or where they cannot be written. ``log_lines_lost`` stands in their
    place as soon as it can be written, and says how many.
    """

    #: Attributes of its own records that belong into the line.
    FIELDS = ("lines",)
    #: Logger of its own lines, which are of no library.
    NAME = "syncer"

    def __init__(
        self,
        descriptor: int,
        encoding: str = "utf-8",
        *,
        most: int = MOST_PENDING,
        patience: float = PATIENCE,
    ) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._encoding = encoding
        self._most = most
        self._patience = patience
        #: Lines, and in their place the numbers of those that were lost.
        self._queue: deque[bytes | int] = deque()
        self._pending = 0
        self._is_losing = False
        self._is_stalled = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._write_all, name="log", daemon=True)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self._line(record)
        except Exception:
            self.handleError(record)
            return
        with self._changed:
            if not self._thread.ident:
                self._thread.start()
            if self._pending + len(line) > self._most:
                self._is_losing = True
            if self._is_losing:
                self._lose(1)
            else:
                self._queue.append(line)
                self._pending += len(line)
            self._changed.notify_all()

    def flush(self) -> None:
        """Wait until everything is written: for a while, and not again for a reader that stays away."""
        with self._changed:
            if self._thread.is_alive() and not self._is_stalled:
                self._is_stalled = not self._changed.wait_for(lambda: not self._queue, self._patience)

    @property
    def is_stalled(self) -> bool:
        """True where a flush has waited in vain."""
        return self._is_stalled

    def _line(self, record: logging.LogRecord) -> bytes:
        return f"{self.format(record)}\n".encode(self._encoding, "backslashreplace")

    def _lose(self, lines: int) -> None:
        """Count lines as lost at the end of the queue."""
        last = self._queue[-1] if self._queue else None
        if isinstance(last, int):
            self._queue[-1] = last + lines
        else:
            self._queue.append(lines)

    def _write_all(self) -> None:
        unwritten = 0
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue)
                first = self._queue[0]
                # Its place is kept, so that lines lost from now on are counted behind it.
                self._queue[0] = b""
            lost, line = (first, b"") if isinstance(first, int) else (0, first)
            unwritten += lost
            if unwritten and self._write(self._line(_loss(unwritten))):
                unwritten = 0
            if line and (unwritten or not self._write(line)):
                unwritten += 1
            with self._changed:
                self._queue.popleft()
                self._pending -= len(line)
                self._is_losing = self._is_losing and self._pending > self._most // 2
                self._is_stalled = False
                self._changed.notify_all()

    def _write(self, line: bytes) -> bool:
        """Write a line to its end; False where that is not possible."""
        while line:
            try:
                line = line[os.write(self._descriptor, line) :]
            except BlockingIOError:
                # Another program has made the pipe non-blocking, and it is full.
                select.select((), (self._descriptor,), ())
            except OSError:
                return False
        return True


def _loss(lines: int) -> logging.LogRecord:
    return logging.makeLogRecord(
        {
            "name": LogWriter.NAME,
            "levelno": logging.WARNING,
            "levelname": "WARNING",
            "msg": "log_lines_lost",
            "lines": lines,
        }
    )
