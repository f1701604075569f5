"""Bell of the service: rung when something has become due, heard by whoever works at that time."""

from __future__ import annotations

from collections.abc import Callable


class Bell:
    """Callbacks that are called whenever it is rung; calls come in the event loop."""

    def __init__(self) -> None:
        self._callbacks: list[Callable[[], None]] = []

    def on_ring(self, *callbacks: Callable[[], None]) -> None:
        """Have these called, in place of those before: whoever worked then is gone."""
        self._callbacks = list(callbacks)

    def ring(self) -> None:
        """Call them."""
        for callback in self._callbacks:
            callback()
