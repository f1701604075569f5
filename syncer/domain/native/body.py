"""Read the body of a tool's answer: JSON as it came, text by its format, base64 decoded first.

Text that is not of its format raises ValueError with what is wrong; nothing of the text is repeated.
"""

from __future__ import annotations

import base64
import binascii
import csv
import io
import json
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, cast
from xml.parsers.expat import ExpatError

import msgspec
import xmltodict

from syncer.domain.native.jmespath import projected
from syncer.domain.native.spec import Format, NativeListSpec
from syncer.domain.records.record import decoded

_BLANK = "\ufeff \t\r\n"


def read_body(spec: NativeListSpec, body: bytes | None) -> Any:
    """Read a body as one value. body: its JSON text as Kombo passed it on. Raises ValueError."""
    value = None if body is None else _json(body)
    if value is not None and not isinstance(value, str):
        return value
    content = _bytes(value) if value and spec.call.wants_base64 else value
    if not content or not content.strip():
        raise ValueError("it is empty")
    return READERS[spec.format](content, spec.records)


def _bytes(text: str) -> str | bytes:
    """Decode base64; text that is none was passed on as it is."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return text


def _read_json(content: str | bytes, _records: str) -> Any:
    return _json(content.encode(errors="surrogatepass") if isinstance(content, str) else content)


def _json(raw: bytes) -> Any:
    try:
        return decoded(raw.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    # Lenient where it may be one record that no database can hold: the others have nothing to do with it.
    try:
        text = raw.decode(errors="surrogateescape")
        return json.loads(text, strict=False, parse_float=Decimal, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise ValueError(f"it is no JSON: {error.msg} at character {error.pos}") from None
    except ArithmeticError:
        raise ValueError("it is no JSON: a number in it is too long") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _no_number(name: str) -> float:
    raise ValueError(f"it is no JSON: {name} is no number")


def _read_xml(content: str | bytes, records: str) -> Any:
    """Read a tree of objects without prefixes; attributes as ``@name``, repeated elements a list.

    Elements that records takes for lists are lists also where there is one.
    """
    if isinstance(content, str):
        content = content.lstrip(_BLANK)
    try:
        return xmltodict.parse(
            content,
            # Bytes say in which encoding they are.
            encoding="utf-8" if isinstance(content, str) else None,
            disable_entities=True,
            postprocessor=cast(Any, _without_prefix),
            force_list=tuple(projected(records)),
        )
    except (ExpatError, ValueError) as error:
        raise ValueError(f"it is no XML: {error}") from None


def _without_prefix(_path: Any, key: str, value: Any) -> tuple[str, Any] | None:
    if key == "@xmlns" or key.startswith("@xmlns:"):
        return None
    at = "@" if key.startswith("@") else ""
    return at + key.removeprefix("@").rpartition(":")[2], value


def _read_csv(content: str | bytes, _records: str) -> Any:
    """Read lines as ``{"rows": [...]}``, an object by the names of the header each."""
    try:
        text = (content.decode() if isinstance(content, bytes) else content).lstrip("\ufeff")
        header = text.lstrip().partition("\n")[0]
        # What stands in the header most often; a comma where there is a single column.
        delimiter = max(",;\t", key=header.count)
        names, *lines = (
            line for line in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if line
        )
    except UnicodeDecodeError:
        raise ValueError("it is no UTF-8 text") from None
    except csv.Error as error:
        raise ValueError(f"it is no CSV: {error}") from None
    if not any(names):
        raise ValueError("no column of it has a name")
    if len(set(names)) < len(names):
        raise ValueError("two of its columns have the same name")
    return {"rows": [_object(names, line) for line in lines]}


def _object(names: list[str], cells: list[str]) -> Any:
    """Name the cells of a line by the header; a line with cells beyond stays a list, no record."""
    if any(cells[len(names) :]):
        return cells
    filled: Iterable[str | None] = (*cells, *[None] * (len(names) - len(cells)))
    return dict(zip(names, filled, strict=False))


READERS: dict[Format, Callable[[str | bytes, str], Any]] = {
    "json": _read_json,
    "xml": _read_xml,
    "csv": _read_csv,
}
