"""Pages of a list: an order, a position in it, and a cursor that is that position and nothing else."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from bisect import bisect_right
from collections.abc import Iterator
from itertools import islice
from typing import Any, Literal

from msgspec import Struct

from syncer.domain.gateway.kombo_words import InvalidInput
from syncer.simulator.company.records import Record, Tables
from syncer.simulator.server.query import Query


class Paging(Struct, frozen=True):
    """Paging style of lists; Kombo documents none, so every one must do for a client.

    order: by id, or by ``changed_at``, where a record that changes during a walk moves behind it. style:
    ``keyset`` cursors name the last record, ``offset`` cursors count, so that a record that leaves the
    list during a walk hides another. short_pages: pages have fewer records than asked for.
    """

    order: Literal["id", "changed_at"] = "id"
    style: Literal["keyset", "offset"] = "keyset"
    short_pages: bool = False


class ListPage(Struct, frozen=True):
    """Page of records, and the cursor of the next one, None after the last one."""

    records: list[Record]
    next: str | None


def page_of(tables: Tables, model: str, query: Query, paging: Paging) -> ListPage:
    """Read one page. Raises InvalidInput for a cursor that is none."""
    position = _read(query.cursor, paging)
    keys: list[Any] = _keys(tables, model, query, paging)
    after = position.get("after") if paging.style == "keyset" else None
    start = 0 if after is None else bisect_right(keys, after)
    found = _matching(tables, model, query, keys, start)
    skipped = position.get("offset", 0)
    size = max(1, query.page_size * 2 // 3) if paging.short_pages else query.page_size
    taken = list(islice(found, skipped, skipped + size + 1))
    records = [record for _, record in taken[:size]]
    if len(taken) <= size:
        return ListPage(records, None)
    step = {"offset": skipped + size} if paging.style == "offset" else {"after": taken[size - 1][0]}
    return ListPage(records, _write({**step, "page": position["page"] + 1}))


def whole_list(tables: Tables, model: str, query: Query) -> ListPage:
    """Read all of a list that knows no paging."""
    keys = _keys(tables, model, query, Paging())
    return ListPage([record for _, record in _matching(tables, model, query, keys, 0)], None)


def page_number(cursor: str | None, paging: Paging) -> int:
    """Read a page's number in its walk: 1 for the first, also for a cursor that is none."""
    try:
        number: int = _read(cursor, paging)["page"]
    except InvalidInput:
        return 1
    return number


def cursor_to_beginning(paging: Paging, page: int) -> str:
    """Write a cursor that leads back to the list's first page, as if that were the page of this number."""
    after: Any = [0, ""] if paging.order == "changed_at" else ""
    return _write({"offset": 0} | ({} if paging.style == "offset" else {"after": after}) | {"page": page})


def _keys(tables: Tables, model: str, query: Query, paging: Paging) -> list[Any]:
    if paging.order == "changed_at":
        return tables.by_change(model)
    if query.ids is not None:
        return sorted(id for id in query.ids if id in tables.of(model))
    return tables.by_id(model)


def _matching(
    tables: Tables, model: str, query: Query, keys: list[Any], start: int
) -> Iterator[tuple[Any, Record]]:
    records = tables.of(model)
    for key in islice(keys, start, None):
        record = records[key if isinstance(key, str) else key[1]]
        if (query.ids is None or record.id in query.ids) and query.fits(tables, record):
            yield key, record


def _write(position: dict[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


def _read(cursor: str | None, paging: Paging) -> dict[str, Any]:
    if cursor is None:
        return {"page": 1}
    try:
        position = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        after, page = position.get("after"), position["page"]
        if paging.style == "offset":
            fits = isinstance(position["offset"], int) and position["offset"] >= 0
        elif paging.order == "changed_at":
            position["after"] = (after[0], after[1])
            fits = isinstance(after[0], int) and isinstance(after[1], str)
        else:
            fits = isinstance(after, str)
    except (ValueError, LookupError, TypeError, AttributeError):
        fits, page = False, None
    if not fits or not isinstance(page, int):
        raise InvalidInput("cursor: not a cursor of this API")
    return dict(position)
