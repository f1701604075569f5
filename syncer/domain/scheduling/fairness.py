"""Whose turn it is among those who wait for the same thing. No clock, no I/O."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")

#: Served before all that are counted.
_NEVER = 0


class Turns(Generic[T]):
    """Those who wait, in lines by integration and model; None is a name like any other.

    The next one is of the integration that was served longest ago, and there of the model that was; where
    that does not decide, it goes by arrival.
    """

    def __init__(self) -> None:
        self._lines: dict[str | None, dict[str | None, deque[T]]] = {}
        self._served: dict[tuple[str | None, ...], int] = {}
        self._number = _NEVER

    def __len__(self) -> int:
        return sum(len(line) for lines in self._lines.values() for line in lines.values())

    def add(self, integration_id: str | None, model_name: str | None, who: T) -> None:
        """Let somebody wait at the end of a line."""
        self._lines.setdefault(integration_id, {}).setdefault(model_name, deque()).append(who)

    def remove(self, integration_id: str | None, model_name: str | None, who: T) -> None:
        """Let somebody wait no more. Nothing happens where that is so already."""
        line = self._lines.get(integration_id, {}).get(model_name, deque())
        if who in line:
            line.remove(who)
            self._drop_if_empty(integration_id, model_name)

    def pop(self) -> T:
        """Serve the next one. Raises ValueError where nobody waits."""
        integration_id = min(self._lines, key=lambda each: self._served.get((each,), _NEVER))
        lines = self._lines[integration_id]
        model_name = min(lines, key=lambda each: self._served.get((integration_id, each), _NEVER))
        who = lines[model_name].popleft()
        self._drop_if_empty(integration_id, model_name)
        self._number += 1
        self._served[integration_id,] = self._served[integration_id, model_name] = self._number
        return who

    def _drop_if_empty(self, integration_id: str | None, model_name: str | None) -> None:
        lines = self._lines[integration_id]
        if not lines[model_name]:
            del lines[model_name]
        if not lines:
            del self._lines[integration_id]
