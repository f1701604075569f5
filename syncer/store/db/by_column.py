"""Values of many rows as a driver takes them: made column by column, without the columns that have none.

One pass over a column costs a fraction of a pass over a row, and to bind a null takes as long as a text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Table

Values = dict[str, Any]
#: What makes a driver's value of one that is not null, by the name of the column.
Encoders = Mapping[str, Callable[[Any], Any]]


class Filled(NamedTuple):
    """Columns of a table that have a value in any of some rows: their names, and the rows' values of them."""

    names: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def filled_columns(table: Table, rows: Sequence[Values], encoders: Encoders) -> Filled:
    """Make the values of the rows, in the order of the table's columns; absent ones are null.

    Of a table with defaults all columns are given: what is left out of a statement has its default.
    """
    may_leave_out = not any(column.server_default is not None for column in table.columns)
    size = len(rows)
    names, columns = list[str](), list[Sequence[Any]]()
    for name, values in zip(*_columns(table, rows), strict=True):
        if may_leave_out and values[0] is None and values.count(None) == size:
            continue
        encode = encoders.get(name)
        names.append(name)
        columns.append(
            values if encode is None else [None if value is None else encode(value) for value in values]
        )
    return Filled(tuple(names), list(zip(*columns, strict=True)))


def _columns(table: Table, rows: Sequence[Values]) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
    """Give the names of the table's columns, and the rows' values of each."""
    names = [column.name for column in table.columns]
    if len(names) > 1:
        with suppress(KeyError):
            return names, zip(*list(map(itemgetter(*names), rows)), strict=True)
    return names, zip(*(tuple(map(row.get, names)) for row in rows), strict=True)
