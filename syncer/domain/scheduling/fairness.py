"""Round-robin fairness: between queued requests, and between integrations whose streams are due. Pure."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Mapping, Sequence
from typing import Generic, TypeVar

from syncer.domain.stream_key import StreamKey

T = TypeVar("T")

#: Served before all that are counted.
_NEVER = 0


class RoundRobinQueue(Generic[T]):
    """Queue with a line for each model of each integration; None is a name like any other.

    The next one is of the integration that was served longest ago, and there of the model that was; where
    that does not decide, it goes by arrival.
    """

    def __init__(self) -> None:
        self._lines: dict[str | None, dict[str | None, deque[T]]] = {}
        self._served: dict[tuple[str | None, ...], int] = {}
        self._number = _NEVER

    def __len__(self) -> int:
        return sum(len(line) for lines in self._lines.values() for line in lines.values())

    def add(self, integration_id: str | None, model_name: str | None, item: T) -> None:
        """Put an item at the end of its line."""
        self._lines.setdefault(integration_id, {}).setdefault(model_name, deque()).append(item)

    def remove(self, integration_id: str | None, model_name: str | None, item: T) -> None:
        """Take an item out of its line. Nothing happens where it is in none."""
        line = self._lines.get(integration_id, {}).get(model_name, deque())
        if item in line:
            line.remove(item)
            self._drop_if_empty(integration_id, model_name)

    def pop(self) -> T:
        """Take the next item. Raises ValueError where there is none."""
        integration_id = min(self._lines, key=lambda each: self._served.get((each,), _NEVER))
        lines = self._lines[integration_id]
        model_name = min(lines, key=lambda each: self._served.get((integration_id, each), _NEVER))
        item = lines[model_name].popleft()
        self._drop_if_empty(integration_id, model_name)
        self._number += 1
        self._served[integration_id,] = self._served[integration_id, model_name] = self._number
        return item

    def _drop_if_empty(self, integration_id: str | None, model_name: str | None) -> None:
        lines = self._lines[integration_id]
        if not lines[model_name]:
            del lines[model_name]
        if not lines:
            del self._lines[integration_id]


def sort_due(due: Mapping[StreamKey, int], turns: Mapping[str, int]) -> list[StreamKey]:
    """Sort the due streams by the order in which they should start.

    due: streams and the ranks of their purposes, those that wait longest first. turns: the number of each
    integration's last run among all. The most urgent purpose first; then the integration whose turn was the
    longest ago; then whoever waits longest.
    """
    return sorted(due, key=lambda key: (due[key], turns.get(key.integration_id, 0)))


def next_stream(due: Sequence[StreamKey], running: Collection[StreamKey]) -> StreamKey | None:
    """Pick the stream to start: the first due one of the integration with the fewest runs under way."""
    running_of = Counter(integration for integration, _ in running)
    fewest: StreamKey | None = None
    for key in due:
        if key not in running and (fewest is None or running_of[key.integration_id] < running_of[fewest[0]]):
            fewest = key
            if not running_of[key.integration_id]:
                break
    return fewest


def run_to_preempt(due: Sequence[StreamKey], running: Sequence[StreamKey]) -> StreamKey | None:
    """Pick the run that gives up its place, all being taken, so that a waiting integration gets a turn.

    It is the latest of the integration that has most runs under way, and only where another integration has a
    stream due and no run at all.
    """
    running_of = Counter(integration for integration, _ in running)
    if not any(integration not in running_of for integration, _ in due):
        return None
    greatest, count = running_of.most_common(1)[0] if running_of else ("", 0)
    return [key for key in running if key.integration_id == greatest][-1] if count > 1 else None
