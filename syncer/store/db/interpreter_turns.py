"""Turns of worker threads at Python's interpreter, which runs one thread at a time.

Where many threads want it each waits for all the others, again and again, and so do the event loop and the
thread that stores events while many pages are compared and written. Whoever waits for the server needs no
turn: as much gets done by one thread at a time. Whoever gets a turn gives answers the right of way.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import TypeVar

from syncer.store.db.right_of_way import RightOfWay

_T = TypeVar("_T")

#: Threads that compute at once. With two of them whoever answers waits for one more each time.
TURNS = 1
#: Seconds that a thread waits for its turn, and then goes on without: whoever has one may wait for a lock
#: that this thread has.
PATIENCE = 0.1


class Turns:
    """Turns of which there are a few, given in the order of asking."""

    def __init__(self, way: RightOfWay, number: int = TURNS, *, patience: float = PATIENCE) -> None:
        self._way = way
        self._patience = patience
        self._free = SimpleQueue[None]()
        for _ in range(number):
            self._free.put(None)

    def run(self, work: Callable[[], _T]) -> _T:
        """Do work in a turn, but for what it does without one."""
        _thread.turns = self
        self._take()
        try:
            return work()
        finally:
            self._give_back()
            _thread.turns = None

    @contextmanager
    def left(self) -> Iterator[None]:
        """Let others have this thread's turn while the block runs."""
        _thread.turns = None
        self._give_back()
        try:
            yield
        finally:
            self._take()
            _thread.turns = self

    def _take(self) -> None:
        try:
            self._free.get(timeout=self._patience)
            _thread.has_turn = True
        except Empty:
            return
        self._way.give()

    def _give_back(self) -> None:
        if _thread.has_turn:
            _thread.has_turn = False
            self._free.put(None)


@contextmanager
def without_turn() -> Iterator[None]:
    """Wait for something outside of the interpreter while the block runs, in any thread."""
    if _thread.turns is None:
        yield
    else:
        with _thread.turns.left():
            yield


class _Thread(threading.local):
    """A thread: the turns that it takes one of, if any, and whether it has one now."""

    turns: Turns | None = None
    has_turn = False


_thread = _Thread()
