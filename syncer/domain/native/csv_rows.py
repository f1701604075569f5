"""Read CSV strictly: an answer that was cut off must not pass for a shorter list. Pure.

https://www.rfc-editor.org/rfc/rfc4180
"""

from __future__ import annotations

import csv
import re
from typing import Any

from syncer.domain.limits import MOST_RECORD_BYTES
from syncer.domain.native.jmespath import first_steps
from syncer.domain.native.spec import NativeListSpec
from syncer.domain.native.unusable import Unusable

# It holds for the whole process. The module takes four bytes and more for each character of a cell: what is
# longer than a record may be is read in another way.
csv.field_size_limit(MOST_RECORD_BYTES)

_FIRST_LINE = re.compile(r"\S[^\r\n]*")
_LINE = re.compile(r"[^\r\n]*+(?:\r\n|\r|\n)|[^\r\n]++")
_ROW = re.compile(r'(?:"(?:[^"]++|"")*+"|[^"\r\n]++)*+(?:\r\n|\r|\n|\Z)')


def read_csv(content: str | bytes, spec: NativeListSpec) -> Any:
    """Read lines as ``{"rows": [...]}``, an object by the names of the header each.

    A row with more or fewer cells than the header stays a list, which is no record. Raises ValueError where
    the text may be whole the next time, Unusable where it will not.
    """
    text = _decoded(content).lstrip("\ufeff")
    found = _FIRST_LINE.search(text)
    header = found[0] if found else ""
    if header.startswith("<"):
        raise ValueError("it is a page of markup and no CSV")
    # What stands in the header most often; a comma where there is a single column.
    lines = _lines(text, max(",;\t", key=header.count))
    if not lines:
        raise ValueError("it is empty")
    names, *rows = lines
    _check_names(names, spec, has_rows=bool(rows))
    if rows and len(rows[-1]) < len(names):
        raise ValueError(
            f"it is cut off: its last row has {len(rows[-1])} cells, and the header has {len(names)}"
        )
    return {"rows": [_object(names, cells) for cells in rows]}


def _decoded(content: str | bytes) -> str:
    if isinstance(content, str):
        return content
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        if error.end == len(content):
            raise ValueError(f"it is cut off within the character at byte {error.start:,}") from None
        raise Unusable(f"it is no UTF-8 text at byte {error.start:,}") from None


def _lines(text: str, delimiter: str) -> list[list[str]]:
    reader = csv.reader((found[0] for found in _LINE.finditer(text)), delimiter=delimiter, strict=True)
    lines: list[list[str]] = []
    begins = 1
    try:
        for line in reader:
            begins = reader.line_num + 1
            if line:
                lines.append(line)
    except csv.Error as error:
        if "field limit" in str(error):
            return _long_lines(text, delimiter)
        if "unexpected end" in str(error):
            raise ValueError(f"it is cut off within a quoted cell of the row at line {begins:,}") from None
        raise Unusable(f"it is no CSV in the row at line {begins:,}: {error}") from None
    return lines


def _long_lines(text: str, delimiter: str) -> list[list[str]]:
    """Read a text with a cell that is too long for the module: row by row, and that one by its cells."""
    cell = re.compile(rf'(?:"((?:[^"]++|"")*+)"|([^"{delimiter}\r\n]*+))({delimiter}|\r\n|\r|\n|\Z)')
    lines: list[list[str]] = []
    position, line = 0, 1
    while position < len(text):
        row = _ROW.match(text, position)
        if row is None:
            raise ValueError(f"it is cut off within a quoted cell of the row at line {line:,}")
        cells: list[str] = []
        while (found := cell.match(text, position)) is not None:
            quoted, plain, end = found.groups()
            cells.append(plain if quoted is None else quoted.replace('""', '"'))
            position = found.end()
            if end != delimiter:
                break
        if position != row.end():
            raise Unusable(f"it is no CSV in the row at line {line:,}: a quotation mark within a cell")
        if cells != [""]:
            lines.append(cells)
        line += text.count("\n", row.start(), row.end())
    return lines


def _check_names(names: list[str], spec: NativeListSpec, *, has_rows: bool) -> None:
    """Check that the header can be that of the list."""
    if not any(names):
        raise Unusable("no column of it has a name")
    if len(set(names)) < len(names):
        raise Unusable("two of its columns have the same name")
    each = spec.for_each
    paths = [path for path in spec.key if each is None or path != each.key_part]
    if not has_rows:
        # A header that was cut off would be that of an empty list.
        paths += [column.source[0] for column in spec.columns]
    for name in (steps[0] for steps in map(first_steps, paths) if steps):
        if name not in names:
            said = f"no column of it has the name {name!r}"
            raise Unusable(said) if has_rows else ValueError(said)


def _object(names: list[str], cells: list[str]) -> Any:
    """Name the cells of a row by the header; empty ones beyond it are nothing."""
    if len(cells) < len(names) or any(cells[len(names) :]):
        return cells
    return dict(zip(names, cells, strict=False))
