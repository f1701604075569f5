"""Read one answer of a tool as a page of a native list. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from msgspec import Struct

from syncer.domain.errors import CursorRefused, RequestRefused, Transient
from syncer.domain.limits import MOST_RECORDS
from syncer.domain.native.body import read_body
from syncer.domain.native.cursor import NativeCursor
from syncer.domain.native.jmespath import at, first_steps, led_to
from syncer.domain.native.lenient_json import text_of
from syncer.domain.native.paging.base import NativePage
from syncer.domain.native.paging.single import SINGLE_PAGE
from syncer.domain.native.request import call_at
from syncer.domain.native.spec import NativeListSpec
from syncer.domain.native.unusable import Unusable
from syncer.domain.records.record import text_hash
from syncer.domain.records.values import Unfit, json_bytes

#: Statuses of tools for a position that they do not know (any more).
_UNKNOWN_POSITION = frozenset({400, 404, 410, 422})


class Listing(Struct, frozen=True):
    """Records of a page as JSON texts. next: in the list of the same row; None where that is at its end."""

    records: tuple[bytes, ...]
    next: NativeCursor | None


def read_listing(
    spec: NativeListSpec,
    cursor: NativeCursor,
    integration_id: str,
    *,
    status: int,
    headers: Mapping[str, str | list[str]],
    body: bytes | None,
    url: str,
) -> Listing:
    """Read the page at the cursor.

    status, headers and url are the tool's; body is the JSON text of what Kombo passed on, None where there
    was nothing. Raises Transient for what may be better soon, RequestRefused for what will not, CursorRefused
    where the list may be begun again.
    """
    call = call_at(spec, cursor)
    # As it is configured: filled, it holds a value of the row. A query may hold secrets.
    path = spec.call.path.partition("?")[0]
    subject = f"{spec.name}: {call.method} {path} through {call.api} of {integration_id}"
    told: dict[str, Any] = {"status": status, "integration_id": integration_id}
    # Only where the row's list begins: further on it would pass for the end.
    if spec.for_each is not None and status in spec.for_each.skip and cursor.at is None:
        return Listing((), None)
    if status == 429 or status >= 500:
        raise Transient(f"{subject} was answered with {status} by the tool.", **told)
    if status in _UNKNOWN_POSITION and cursor.at is not None:
        raise CursorRefused(
            f"{subject} was refused with {status} by the tool in the middle of the list: begin it again.",
            **told,
        )
    if status >= 300:
        raise RequestRefused(f"{subject} was refused with {status} by the tool.", **told)
    if status == HTTPStatus.PARTIAL_CONTENT and spec.page == SINGLE_PAGE:
        raise RequestRefused(
            f"{subject} was answered with a part of the list (206): `page` must say how the rest is read.",
            **told,
        )
    try:
        data = read_body(spec, body, headers)
    except Unusable as error:
        raise RequestRefused(f"{subject} has another answer than expected: {error}.", **told) from None
    except ValueError as error:
        failure = Transient(f"{subject} has an unreadable answer: {error}.", **told)
        failure.answer = text_hash(body or b"")
        raise failure from None
    try:
        found = _records(spec, data)
        if len(found) > MOST_RECORDS:
            raise ValueError(f"it has more than {MOST_RECORDS:,} records, the most that is read")
        records = tuple(map(_text, found))
        page = NativePage(call, data, records, headers, url)
        return Listing(records, spec.page.next_cursor(cursor, page))
    except RecursionError:
        raise RequestRefused(f"{subject} has an answer that is nested too deeply.", **told) from None
    except ValueError as error:
        raise RequestRefused(f"{subject} has another answer than expected: {error}.", **told) from None


def _records(spec: NativeListSpec, data: Any) -> list[Any]:
    """Find the list at ``records``. Raises ValueError where none is there: that is never an empty one."""
    found = at(spec.records, data)
    if isinstance(found, list):
        return found
    if spec.format == "xml":
        # One element does not look like a list, and no element leaves nothing but its parent.
        if isinstance(found, dict):
            return [found]
        steps = first_steps(spec.records)
        parent = _parent(data, steps)
        if found is None and parent is not None and parent.get(steps[-1]) is None:
            # An empty element is there and says nothing, which is for its record to tell.
            return [None] if steps[-1] in parent else []
    raise ValueError(f"records: {led_to(spec.records, data)}")


def _parent(data: Any, steps: tuple[str, ...]) -> dict[str, Any] | None:
    """Return the parent of the element that the steps lead to; None where it is not there.

    The document itself is no parent: its only element is there or the answer is another one.
    """
    if len(steps) < 2:
        return None
    for step in steps[:-1]:
        if not isinstance(data, dict) or step not in data:
            return None
        # An empty element.
        data = {} if data[step] is None else data[step]
    return data if isinstance(data, dict) else None


def _text(record: Any) -> bytes:
    """Write a record as JSON text; one that no database can hold as text that says so when it is read."""
    try:
        return json_bytes(record)
    except Unfit:
        return json.dumps(record, default=text_of).encode()
