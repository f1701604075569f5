"""Where a native list goes on after a page. Pure.

A list that does not move is an error. Where pages are counted that is told by their records: a tool that does
not know the parameter answers with its first page for ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from syncer.domain.native.call import Call
from syncer.domain.native.jmespath import at, led_to
from syncer.domain.native.links import next_in_header, path_of
from syncer.domain.native.request import Place
from syncer.domain.native.spec import Paging
from syncer.domain.records.values import integer


@dataclass(frozen=True, slots=True)
class Answered:
    """A call and what came: body as a value, the page's records as JSON texts, the tool's headers and url."""

    call: Call
    data: Any
    records: Sequence[bytes]
    headers: Mapping[str, str | list[str]]
    url: str


def next_place(page: Paging, place: Place, answered: Answered) -> Place | None:
    """The place of the page after this one; None where this is the last. Raises ValueError."""
    match page.style:
        case "none":
            return None
        case "offset" | "page":
            return _counted(page, place, answered)
        case "cursor":
            following = _told(page, answered.data)
        case "link":
            following = _linked(page, answered)
    if following is None:
        return None
    if following == place.at:
        raise ValueError(f"next: {page.next or 'the header Link'} leads to the same page again")
    return Place(place.row, following)


def _counted(page: Paging, place: Place, answered: Answered) -> Place | None:
    records = answered.records
    if not records:
        return None
    digest = blake2b(b"\n".join(records), digest_size=16).hexdigest()
    here = place.at if isinstance(place.at, int) else page.start
    if digest == place.digest:
        raise ValueError(f"page: {page.param} {here} has the same records as the page before")
    following = here + (len(records) if page.style == "offset" else 1)
    if page.total is not None:
        # Before a short page: a tool may give fewer at once than it was asked for.
        is_last = following - page.start >= _total(page.total, answered.data)
    else:
        is_last = page.size is not None and len(records) < page.size
    return None if is_last else Place(place.row, following, digest)


def _told(page: Paging, data: Any) -> str | int | None:
    """The cursor or address in the answer; null, false and no text end the list."""
    path = page.next or ""
    found = at(path, data)
    if found is None or found is False or found == "":
        return None
    if isinstance(found, str) or (isinstance(found, int) and not isinstance(found, bool)):
        return found
    raise ValueError(f"next: {led_to(path, data)}")


def _linked(page: Paging, answered: Answered) -> str | None:
    if page.next is None:
        link: str | int | None = next_in_header(answered.headers)
    else:
        link = _told(page, answered.data)
    if link is None:
        return None
    if not isinstance(link, str):
        raise ValueError("next: an address is text, and this is a number")
    try:
        path = path_of(link, answered.call, answered.url)
    except ValueError as error:
        raise ValueError(f"next: the link {error}") from None
    if not path.isprintable():
        raise ValueError("next: the link holds a control character")
    return path


def _total(path: str, data: Any) -> int:
    found = at(path, data)
    try:
        total = integer(int(found) if isinstance(found, str) and found.isdecimal() else found)
    except ValueError:
        total = 0
    if total < 1:
        raise ValueError(f"total: {led_to(path, data)}, and a number above 0 was expected")
    return total
