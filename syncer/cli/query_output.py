"""Output of a query as table, CSV, JSON array or JSON lines, row by row as the database gives them."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from typing import Any, Literal

import msgspec

from syncer.cli.output import console, is_terminal, print_line, print_rich, styled, table
from syncer.cli.streams import write_in_utf8
from syncer.domain.texts.printable import inert_cell, printable, printable_json
from syncer.store.reading.query import Answer

#: Rows beyond the limit are counted, not kept, up to this many.
COUNT_UP_TO = 100_000
#: On a terminal a cell is cut after so many characters: among others, and where it has lines of its own.
WIDEST, LONGEST = 60, 240
_UNBOUNDED = 1_000_000
#: Characters for which CSV puts a text into quotes.
_SPECIAL = re.compile(r'[",\r\n]')

_encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=str)


def write_csv(answer: Answer, limit: int | None, *, for_spreadsheet: bool = False) -> None:
    """Write RFC 4180 with a header and newlines alone; JSON compact, bytes hexadecimal.

    NULL is empty, and a text without a character is two quotes, as PostgreSQL reads and writes them. In a
    file or pipe texts are as they are in the mirror, unless they are for a spreadsheet: then none is a
    formula.
    """
    write_in_utf8()
    shown = printable if is_terminal() else str

    def cell(value: Any) -> str:
        if value is None:
            return ""
        text = text_of(value)
        is_number = isinstance(value, int | float | Decimal)
        text = shown(inert_cell(text) if for_spreadsheet and not is_number else text)
        # The library's writer tells the two apart from Python 3.12 on alone.
        return text if text and _SPECIAL.search(text) is None else '"' + text.replace('"', '""') + '"'

    sys.stdout.write(",".join(map(cell, answer.columns)) + "\n")
    for row in islice(answer.rows, limit):
        # An empty line would be no row to many readers.
        sys.stdout.write((",".join(map(cell, row)) or '""') + "\n")


def write_json(answer: Answer, limit: int | None) -> None:
    """Write one array of objects, a line for each."""
    write_in_utf8()
    names = _distinct(answer.columns)
    sys.stdout.write("[")
    for number, row in enumerate(islice(answer.rows, limit)):
        sys.stdout.write(("\n " if number == 0 else ",\n ") + _object(names, row))
    sys.stdout.write("\n]\n")


def write_lines(answer: Answer, limit: int | None) -> None:
    """Write an object on each line."""
    write_in_utf8()
    names = _distinct(answer.columns)
    for row in islice(answer.rows, limit):
        sys.stdout.write(_object(names, row) + "\n")


def write_table(answer: Answer, limit: int | None) -> None:
    """Write columns side by side; where a terminal is too narrow for them, one below the other."""
    from rich.measure import Measurement

    names = [printable(name) for name in answer.columns]
    rows = [tuple(map(_cell, row)) for row in islice(answer.rows, limit)]
    numeric = [bool(rows) and all(_is_number(row[place]) for row in rows) for place in range(len(names))]
    # One column, such as a plan's, has the whole width and more lines.
    alone = len(names) == 1
    if alone and is_terminal():
        rows = [(_short(text),) for (text,) in rows]
    widest = WIDEST if is_terminal() and not alone else None
    shown = table()
    for name, is_number in zip(names, numeric, strict=True):
        justify: Literal["left", "right"] = "right" if is_number else "left"
        shown.add_column(
            name,
            justify=justify,
            no_wrap=not alone,
            overflow="fold" if alone else "ellipsis",
            max_width=widest,
        )
    for row in rows:
        shown.add_row(*row)
    out = console()
    wanted = Measurement.get(out, out.options.update(max_width=_UNBOUNDED), shown).maximum
    if wanted > out.width and not alone:
        _write_records(names, rows)
    else:
        print_rich(shown)
    _print_count(len(rows), answer.rows)


def _write_records(names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.table import Table

    for number, row in enumerate(rows, 1):
        print_rich(styled(f"row {number}", "bold"))
        shown = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        shown.add_column(style="dim", no_wrap=True)
        shown.add_column(overflow="fold")
        for name, text in zip(names, row, strict=True):
            shown.add_row(name, _short(text))
        print_rich(shown, "")


def _print_count(shown: int, rest: Iterator[Any]) -> None:
    left = sum(1 for _ in islice(rest, COUNT_UP_TO + 1))
    if left > COUNT_UP_TO:
        print_line(f"{shown:,} of more than {shown + COUNT_UP_TO:,} rows; --limit 0 shows all.")
    elif left:
        print_line(f"{shown:,} of {shown + left:,} rows; --limit 0 shows all.")
    else:
        print_line(f"{shown:,} row{'' if shown == 1 else 's'}.")


def text_of(value: Any) -> str:
    """Format a value that is not NULL: times in UTC, decimals exact, JSON compact, bytes hexadecimal."""
    value = _plain(value)
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case Decimal():
            return format(value, "f")
        case msgspec.Raw():
            return bytes(value).decode()
        case dict() | list() | tuple():
            return _encoder.encode(value).decode()
        case _:
            return str(value)


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            if value.tzinfo is None:
                return value.isoformat()
            return value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
        case bytes() | bytearray() | memoryview():
            return bytes(value).hex()
        case Decimal() if not value.is_finite():
            return str(value)
        case _:
            return value


def _cell(value: Any) -> str:
    return "" if value is None else printable(text_of(value))


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _is_number(text: str) -> bool:
    return not text or text.replace(".", "", 1).removeprefix("-").isdecimal()


def _object(names: Sequence[str], row: Sequence[Any]) -> str:
    return printable_json(_encoder.encode(dict(zip(names, map(_plain, row), strict=True))).decode())


def _distinct(columns: Sequence[str]) -> list[str]:
    """Number columns of the same name, as members of an object: ``id``, ``id_2``."""
    names: list[str] = []
    for column in columns:
        name, number = column, 2
        while name in names:
            name, number = f"{column}_{number}", number + 1
        names.append(name)
    return names


WRITERS: Mapping[str, Callable[[Answer, int | None], None]] = {
    "table": write_table,
    "csv": write_csv,
    "json": write_json,
    "jsonl": write_lines,
}
