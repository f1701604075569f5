"""Pages that act on each other, as faults: what they say of a record is not what the walk says in the end.

Each of them keeps nothing, so that all histories can share it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from syncer.simulator.server.faults import Mangled
from syncer.simulator.server.paging import Paging, cursor_to_beginning

#: Changes to a record that make another version of it, and one that no row can be.
CHANGED: dict[str, Any] = {"name": "Other", "job_title": "Other"}
UNREADABLE: dict[str, Any] = {"name": "a\0b", "job_title": "a\0b"}


def twice(change: dict[str, Any]) -> Mangled:
    """Serve the first record of a page twice: changed at first, then as it is."""
    return _rewritten(lambda data: data["results"].insert(0, {**data["results"][0], **change}))


def unreadable_at_first(paging: Paging) -> Mangled:
    """Spoil the first record of a page, and lead back to the list's first page, which has it as it is.

    Not a changed record: until it comes back the mirror would rightly differ from the source.
    """

    def rewrite(data: Any) -> None:
        data["results"][0].update(UNREADABLE)
        data["next"] = cursor_to_beginning(paging, 2)

    return _rewritten(rewrite)


def _rewritten(change: Callable[[Any], None]) -> Mangled:
    def mangle(body: bytes) -> bytes:
        answer = json.loads(body)
        # What is told of an integration has no records.
        if answer["status"] == "success" and answer["data"].get("results"):
            change(answer["data"])
        return json.dumps(answer).encode()

    return Mangled(mangle)
