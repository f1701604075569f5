"""The call of a place in a native list. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

from syncer.domain.native.call import Call, is_xml
from syncer.domain.native.spec import NativeListSpec, Paging


@dataclass(frozen=True, slots=True)
class Place:
    """Where a walk stands in a native list.

    row: the value of the row that is asked for. at: cursor, offset, page number, or the path and query of a
    link; None at the beginning of the row's list. digest: of the records of the page before.
    """

    row: str | None = None
    at: str | int | None = None
    digest: str | None = None

    def text(self) -> str:
        """Itself as the cursor of a walk: compact JSON."""
        told = {"row": self.row, "at": self.at, "digest": self.digest}
        return json.dumps(
            {name: value for name, value in told.items() if value is not None}, separators=(",", ":")
        )

    @classmethod
    def read(cls, text: str | None) -> Place:
        """The place of a cursor; None is the beginning."""
        return cls() if text is None else cls(**json.loads(text))


def call_at(spec: NativeListSpec, place: Place) -> Call:
    """What to send for the page at that place."""
    call, page, each, at = spec.call, spec.page, spec.for_each, _at(spec.page, place)
    row = {mark(each.param): place.row} if each is not None and place.row is not None else {}
    is_in_text = page.within == "data" and isinstance(call.data, str)
    in_data = {**row, mark(page.param): "" if at is None else str(at)} if is_in_text else row
    filled = replace(
        call,
        path=_fill(call.path, row, _quoted),
        params=_inside(call.params, row),
        headers=_inside(call.headers, row),
        options=_inside(call.options, row),
        data=_fill(call.data, in_data, _escaped) if is_xml(call.data) else _inside(call.data, in_data),
    )
    if page.style == "link" and isinstance(place.at, str):
        # The parameters are in the link.
        return replace(filled, path=place.at, params={})
    params = dict(filled.params)
    if each is not None and place.row is not None and not stands_in(call, each.param):
        params[each.param] = place.row
    if at is None or is_in_text:
        return replace(filled, params=params)
    if page.within == "data":
        return replace(filled, params=params, data=_put(filled.data, page.param.split("."), at))
    return replace(filled, params={**params, page.param: str(at)})


def mark(param: str) -> str:
    """The text that stands for a value in a call."""
    return f"{{{param}}}"


def stands_in(call: Call, param: str) -> bool:
    """Whether the mark of that parameter is in any part of the call."""
    parts = (call.path, call.params, call.headers, call.options, call.data)
    return any(mark(param) in text for text in _texts(parts))


def _at(page: Paging, place: Place) -> str | int | None:
    """The place as it is sent; None where the first page is asked for without one."""
    if page.style in ("offset", "page") and place.at is None:
        return page.start
    return place.at


def _fill(text: str, marks: Mapping[str, str], write: Callable[[str], str] = str) -> str:
    """The text with values for marks, all at once: a value may look like another mark."""
    if not marks:
        return text
    return re.sub("|".join(map(re.escape, marks)), lambda found: write(marks[found[0]]), text)


def _inside(value: Any, marks: Mapping[str, str]) -> Any:
    """The value with every text in it filled; names of members stay."""
    match value:
        case str():
            return _fill(value, marks)
        case Mapping():
            return {name: _inside(each, marks) for name, each in value.items()}
        case list():
            return [_inside(each, marks) for each in value]
        case _:
            return value


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            yield from _texts(list(value.values()))
        case list() | tuple():
            for each in value:
                yield from _texts(each)


def _put(data: Any, steps: list[str], at: str | int) -> Any:
    """The data with the place at the end of the path; objects that are missing on the way are made."""
    inside = data if isinstance(data, Mapping) else {}
    name, *rest = steps
    return {**inside, name: _put(inside.get(name), rest, at) if rest else at}


def _quoted(value: str) -> str:
    return quote(value, safe="")


def _escaped(value: str) -> str:
    return escape(value, {'"': "&quot;", "'": "&apos;"})
