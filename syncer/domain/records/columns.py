"""The columns of one record: values by name, or notes on those that do not fit.

Nearly all fit. So the values of a record are first read and converted together, and looked at one by one only
where that has met with one that does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Any, NamedTuple

from syncer.domain.catalogue.model import Column
from syncer.domain.records.values import CONVERTERS, Unfit, text

Values = dict[str, Any]

#: Bytes of a text that still fit an entry of PostgreSQL's indexes, which take 2,704.
INDEXED_BYTES = 2_600
#: Types of a value that a column of texts takes as it is.
_AS_THEY_ARE = frozenset({str, type(None)})


class _Source(NamedTuple):
    """A column as it is read, again and again. member: where the value is, unless a path leads to it."""

    name: str
    member: str
    path: tuple[str, ...]
    convert: Callable[[Any], Any]
    is_looked_up: bool


class Sources(NamedTuple):
    """Columns of a table as they are read.

    names, members: of all columns. get_texts, get_looked_up: get the values of columns of texts, and of those
    that have an index. converted: the other columns, and those to which a path leads, with what converts
    their values; at_paths: these, with their paths.
    """

    columns: tuple[_Source, ...]
    names: tuple[str, ...]
    members: tuple[str, ...]
    get_texts: Callable[[Values], Iterable[Any]]
    get_looked_up: Callable[[Values], Iterable[Any]]
    at_paths: tuple[tuple[str, tuple[str, ...]], ...]
    converted: tuple[tuple[str, Callable[[Any], Any]], ...]


def sources_of(columns: Iterable[Column]) -> Sources:
    """Prepare the reading of these columns."""
    sources = tuple(
        _Source(
            column.name,
            column.source[0],
            column.source if len(column.source) > 1 else (),
            CONVERTERS[column.type],
            column.is_looked_up,
        )
        for column in columns
    )
    return Sources(
        sources,
        tuple(each.name for each in sources),
        tuple(each.member for each in sources),
        _getter(each.name for each in sources if each.convert is text and not each.path),
        _getter(each.name for each in sources if each.is_looked_up),
        tuple((each.name, each.path) for each in sources if each.path),
        tuple((each.name, each.convert) for each in sources if each.convert is not text or each.path),
    )


def _getter(names: Iterable[str]) -> Callable[[Values], Iterable[Any]]:
    """Make a function that gets these members of an object that has them."""
    several = tuple(names)
    if len(several) > 1:
        return itemgetter(*several)
    return lambda values: [values[name] for name in several]


def read_columns(sources: Sources, record: Any, notes: list[str], inside: tuple[str, ...] = ()) -> Values:
    """Convert the columns' values, by name; inside: the path to this record, for the notes."""
    if not sources.columns:
        return {}
    try:
        values = _fitting_columns(sources, record)
    except Unfit:
        values = None
    return _noted_columns(sources.columns, record, notes, inside) if values is None else values


def _fitting_columns(sources: Sources, record: Any) -> Values | None:
    """Convert the values of a record that fit their columns, as nearly all do.

    None or Unfit: one of them may not.
    """
    values: Values = dict(zip(sources.names, map(record.get, sources.members), strict=True))
    if not _AS_THEY_ARE.issuperset(map(type, sources.get_texts(values))):
        return None
    for name, path in sources.at_paths:
        values[name] = value_at(path, record)
    for name, convert in sources.converted:
        if (value := values[name]) is not None:
            values[name] = convert(value)
    # No character has more than four bytes.
    longest = max(map(len, filter(None, sources.get_looked_up(values))), default=0)
    return None if 4 * longest > INDEXED_BYTES else values


def _noted_columns(
    sources: tuple[_Source, ...], record: Any, notes: list[str], inside: tuple[str, ...]
) -> Values:
    """Convert the columns' values one by one, and note those that do not fit."""
    values: Values = {}
    for name, member, path, convert, is_looked_up in sources:
        value = value_at(path, record) if path else record.get(member)
        if value is not None:
            try:
                value = convert(value)
                if is_looked_up and 4 * len(value) > INDEXED_BYTES < len(value.encode()):
                    raise Unfit(f"longer than the {INDEXED_BYTES:,} bytes that an index takes")
            except Unfit as reason:
                notes.append(f"{'.'.join((*inside, *(path or (member,))))}: {reason}")
                value = None
        values[name] = value
    return values


def value_at(path: tuple[str, ...], value: Any) -> Any:
    """Follow a path of members; None where it does not lead to a value."""
    for member in path:
        value = value.get(member) if isinstance(value, dict) else None
    return value
