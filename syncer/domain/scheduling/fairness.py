"""Round-robin fairness: between queued requests, and between integrations whose streams are due. Pure."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Mapping, Sequence
from heapq import heapify, heappop, heappush
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


def streams_to_start(
    due: Mapping[StreamKey, int], turns: Mapping[str, int], running: Collection[StreamKey], count: int
) -> list[StreamKey]:
    """Pick so many streams to start, at most, in their order: each as if those before it had been started.

    due: streams and the ranks of their purposes, those that wait longest first. turns: the number of each
    integration's last run among all. Next is the integration with the fewest runs under way, of several the
    one with the most urgent stream, then the one whose turn was the longest ago, then whoever waits longest.
    """
    running_of = Counter(integration for integration, _ in running)
    number = max(turns.values(), default=_NEVER)
    lines: dict[str, deque[tuple[int, int, StreamKey]]] = {}
    places = ((rank, place, key) for place, (key, rank) in enumerate(due.items()) if key not in running)
    for each in sorted(places):
        lines.setdefault(each[2].integration_id, deque()).append(each)
    heap = [
        (running_of[name], line[0][0], turns.get(name, _NEVER), line[0][1], name)
        for name, line in lines.items()
    ]
    heapify(heap)
    picked: list[StreamKey] = []
    while heap and len(picked) < count:
        runs, _, _, _, name = heappop(heap)
        line = lines[name]
        picked.append(line.popleft()[2])
        number += 1
        if line:
            heappush(heap, (runs + 1, line[0][0], number, line[0][1], name))
    return picked


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
