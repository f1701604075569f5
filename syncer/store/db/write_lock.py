"""Write lock of a process on its SQLite database: fair, and urgent writers go first."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class WriteLock:
    """Lock that is handed on in the order of asking; urgent ones wait for the present holder alone."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._is_held = False
        self._urgent: deque[threading.Event] = deque()
        self._others: deque[threading.Event] = deque()

    @contextmanager
    def hold(self, *, urgent: bool = False) -> Iterator[None]:
        """Hold the lock while the block runs."""
        self._acquire(self._urgent if urgent else self._others)
        try:
            yield
        finally:
            self._release()

    def _acquire(self, line: deque[threading.Event]) -> None:
        with self._guard:
            if not self._is_held:
                self._is_held = True
                return
            turn = threading.Event()
            line.append(turn)
        # Whoever releases it hands it on, still held.
        turn.wait()

    def _release(self) -> None:
        with self._guard:
            line = self._urgent or self._others
            if line:
                line.popleft().set()
            else:
                self._is_held = False
