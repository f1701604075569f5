"""Lists that do not end, as faults: each page is followed by the first one again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import count, cycle, repeat
from types import MappingProxyType

from syncer.simulator.server.faults import Mangled
from syncer.simulator.server.paging import Paging, cursor_to_beginning

#: What is seen of the cursors -> the numbers of the pages that they name.
FIGURES: Mapping[str, Callable[[], Iterator[int]]] = MappingProxyType(
    {"the same": lambda: repeat(2), "two in turn": lambda: cycle((2, 3)), "new ones": lambda: count(2)}
)


def endless(figure: str, paging: Paging | None = None, *, is_empty: bool = False) -> Mangled:
    """Lead back to the first page, by cursors of that figure. is_empty: the pages have no records."""
    numbers = FIGURES[figure]()

    def change(body: bytes) -> bytes:
        answer = json.loads(body)
        if answer["status"] == "success" and "results" in answer["data"]:
            answer["data"]["next"] = cursor_to_beginning(paging or Paging(), next(numbers))
            if is_empty:
                answer["data"]["results"] = []
        return json.dumps(answer).encode()

    return Mangled(change)
