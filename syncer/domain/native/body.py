"""Read the body of a tool's answer: JSON as it came, text by its format, base64 decoded first.

Text that is not of its format, or not whole, raises ValueError with what is wrong; nothing of the text is
repeated.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, cast
from xml.parsers.expat import ExpatError

import msgspec

from syncer.domain.limits import MOST_VALUES, too_many_values
from syncer.domain.native.base64_text import read_base64
from syncer.domain.native.content_length import check_length
from syncer.domain.native.csv_rows import read_csv
from syncer.domain.native.jmespath import projected
from syncer.domain.native.lenient_json import decode_leniently
from syncer.domain.native.spec import Format, NativeListSpec
from syncer.domain.native.unusable import Unusable
from syncer.domain.records.record import decoded

#: Characters that go before a value.
_SEPARATORS: Mapping[Format, str] = {"json": "{[,", "xml": "<=", "csv": ",;\t\n"}
_BLANK = "\ufeff \t\r\n"


def read_body(spec: NativeListSpec, body: bytes | None, headers: Mapping[str, str | list[str]]) -> Any:
    """Read a body as one value. body: its JSON text as Kombo passed it on; headers: the tool's.

    Raises ValueError where it may be whole the next time, Unusable where it will not.
    """
    value = None if body is None else _json(body)
    if value is not None and not isinstance(value, str):
        return value
    content: str | bytes | None = value
    if value and spec.call.wants_base64:
        # Text that is no base64 was passed on as it is.
        content = read_base64(value) or value
    if not content or not content.strip():
        raise ValueError("it is empty")
    check_length(headers, content)
    if too_many_values(content, _SEPARATORS[spec.format]):
        raise Unusable(f"it has more than {MOST_VALUES:,} values, the most that is read")
    return READERS[spec.format](content, spec)


def _read_json(content: str | bytes, _spec: NativeListSpec) -> Any:
    return _json(content.encode(errors="surrogatepass") if isinstance(content, str) else content)


def _json(raw: bytes) -> Any:
    try:
        return decoded(raw.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    # Lenient where it may be one record that no database can hold: the others have nothing to do with it.
    try:
        return decode_leniently(raw)
    except json.JSONDecodeError as error:
        raise ValueError(f"it is no JSON: {error.msg} at character {error.pos}") from None
    except RecursionError:
        raise Unusable("it is nested too deeply") from None


def _read_xml(content: str | bytes, spec: NativeListSpec) -> Any:
    """Read a tree of objects without prefixes; attributes as ``@name``, repeated elements a list.

    Elements that ``records`` takes for lists are lists also where there is one.
    """
    # Read where a tool answers in XML.
    import xmltodict

    if isinstance(content, str):
        content = content.lstrip(_BLANK)
    try:
        return xmltodict.parse(
            content,
            # Bytes say in which encoding they are.
            encoding="utf-8" if isinstance(content, str) else None,
            disable_entities=True,
            postprocessor=cast(Any, _without_prefix),
            force_list=tuple(projected(spec.records)),
        )
    except ExpatError as error:
        raise ValueError(f"it is no XML: {error}") from None
    except ValueError as error:
        raise Unusable(f"it is no XML: {error}") from None


def _without_prefix(_path: Any, key: str, value: Any) -> tuple[str, Any] | None:
    if key == "@xmlns" or key.startswith("@xmlns:"):
        return None
    at = "@" if key.startswith("@") else ""
    return at + key.removeprefix("@").rpartition(":")[2], value


READERS: dict[Format, Callable[[str | bytes, NativeListSpec], Any]] = {
    "json": _read_json,
    "xml": _read_xml,
    "csv": read_csv,
}
