"""Fill values into the marks of a call: ``{remote_id}`` in any text of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

from syncer.domain.native.call import Call, is_xml


def mark(param: str) -> str:
    """Return the text that stands for a value in a call."""
    return f"{{{param}}}"


def check_param(value: str) -> None:
    """Check the name of a parameter. Raises ValueError where it cannot stand in a mark."""
    if re.fullmatch(r"[^\s{}]+", value) is None:
        raise ValueError("should be one word without braces")


def has_mark(call: Call, param: str) -> bool:
    """Tell whether any part of the call has the mark of that parameter."""
    parts = (call.path, call.params, call.headers, call.options, call.data)
    return any(mark(param) in text for text in _texts(parts))


def fill_marks(call: Call, values: Mapping[str, str], in_data: Mapping[str, str]) -> Call:
    """Fill values in for marks, all at once: a value may look like another mark.

    Both map a mark to its value; in_data is for the data, values for everything else. Values are written as
    their place needs it: quoted in the path, escaped in XML.
    """
    return replace(
        call,
        path=_fill(call.path, values, _quoted),
        params=_inside(call.params, values),
        headers=_inside(call.headers, values),
        options=_inside(call.options, values),
        data=_fill(call.data, in_data, _escaped) if is_xml(call.data) else _inside(call.data, in_data),
    )


def _fill(text: str, values: Mapping[str, str], write: Callable[[str], str] = str) -> str:
    if not values:
        return text
    return re.sub("|".join(map(re.escape, values)), lambda found: write(values[found[0]]), text)


def _inside(value: Any, values: Mapping[str, str]) -> Any:
    """Fill every text in the value; names of members stay."""
    match value:
        case str():
            return _fill(value, values)
        case Mapping():
            return {name: _inside(each, values) for name, each in value.items()}
        case list():
            return [_inside(each, values) for each in value]
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


def _quoted(value: str) -> str:
    return quote(value, safe="")


def _escaped(value: str) -> str:
    return escape(value, {'"': "&quot;", "'": "&apos;"})
