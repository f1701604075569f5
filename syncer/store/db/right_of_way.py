"""Right of way of answers that somebody waits for, before the work of threads.

Python runs one thread at a time, and on a small machine the database shares the cores with it: the event
loop answers late while threads compute and write pages. A page may come a moment later.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

_T = TypeVar("_T")

#: Seconds that a thread lets answers go first, and then goes on: where they never end it works all the same.
PATIENCE = 0.05


class RightOfWay:
    """Answers under way. patience: seconds that a thread waits for their end."""

    def __init__(self, *, patience: float | None = None) -> None:
        self._patience = PATIENCE if patience is None else patience
        self._under_way = 0
        self._is_free = threading.Event()
        self._is_free.set()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Have threads wait while the block runs; several at once are of one event loop."""
        self._under_way += 1
        self._is_free.clear()
        try:
            yield
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._is_free.set()

    def run(self, work: Callable[[], _T]) -> _T:
        """Do work after the answers that are under way."""
        self.give()
        return work()

    def give(self) -> None:
        """Wait until no answer is under way, or for so long as patience lasts."""
        self._is_free.wait(self._patience)
