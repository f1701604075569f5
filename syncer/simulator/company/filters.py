"""Filters of one list: tests of records, derived from the columns where these tell.

Values inside one parameter are alternatives, parameters together must all fit (docs.kombo.dev, "Querying
the API"). E-mail addresses and names are compared without regard to case.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from syncer.domain.catalogue.members import entries
from syncer.domain.catalogue.model import Column, Filter, FilterType, Link, Model
from syncer.simulator.company.ids import iso
from syncer.simulator.company.records import Record, Tables

#: (tables, record, value): value is a set of texts for lists, milliseconds for timestamps, a text, or JSON.
FilterTest = Callable[[Tables, Record, Any], bool]
#: Finds the value of a member.
Read = Callable[[Record], Any]


def one_of(read: str | Read) -> FilterTest:
    """Test whether the value of the member is one of those asked for."""
    value = _reading(read)

    def test(tables: Tables, record: Record, values: Collection[str]) -> bool:
        return value(record) in values

    return test


def through(member: str, model: str, inner: FilterTest) -> FilterTest:
    """Test the record that a member leads to."""

    def test(tables: Tables, record: Record, value: Any) -> bool:
        target = tables.get(model, record.fields.get(member))
        return target is not None and inner(tables, target, value)

    return test


def filter_test(model: Model, filter: Filter) -> FilterTest | None:
    """Derive the meaning of a parameter from its name, its type and the columns; None where they do not tell.

    ``statuses`` compares ``status``, ``name_contains`` looks into ``name``, ``started_after`` compares
    ``started_at``, ``group_ids`` the ids of a link whose target column is ``group_id``.
    """
    columns = {column.name: column for column in model.columns}
    for ending, tail, make in _MEANINGS[filter.type]:
        column = columns.get(filter.name.removesuffix(ending) + tail)
        if filter.name.endswith(ending) and column is not None:
            if filter.type == "list" and column.name.endswith("email"):
                make = _one_of_addresses
            return make(_reader(column))
    if filter.type == "list":
        return next((_linked(link) for link in model.links if f"{link.target}s" == filter.name), None)
    return None


def _reading(read: str | Read) -> Read:
    return (lambda record: record.fields.get(read)) if isinstance(read, str) else read


def _reader(column: Column) -> Read:
    """Read a column; where it is taken from a copy, its value may be hidden in the record itself."""
    hidden = f"_{column.name}"

    def read(record: Record) -> Any:
        value: Any = record.fields
        if hidden in value:
            return value[hidden]
        for step in column.source:
            value = value.get(step) if isinstance(value, dict) else None
        return value

    return read


def _one_of_addresses(read: Read) -> FilterTest:
    def test(tables: Tables, record: Record, values: Collection[str]) -> bool:
        found = read(record)
        return found is not None and found.casefold() in {value.casefold() for value in values}

    return test


def _equal(read: Read) -> FilterTest:
    def test(tables: Tables, record: Record, value: str) -> bool:
        found = read(record)
        return isinstance(found, str) and found.casefold() == value.casefold()

    return test


def _contains(read: Read) -> FilterTest:
    def test(tables: Tables, record: Record, value: str) -> bool:
        return value.casefold() in (read(record) or "").casefold()

    return test


def _after(read: Read) -> FilterTest:
    def test(tables: Tables, record: Record, ms: int) -> bool:
        found = read(record)
        return found is not None and found > iso(ms)

    return test


def _before(read: Read) -> FilterTest:
    def test(tables: Tables, record: Record, ms: int) -> bool:
        found = read(record)
        return found is not None and found < iso(ms)

    return test


def _has_members(read: Read) -> FilterTest:
    def test(tables: Tables, record: Record, wanted: dict[str, Any]) -> bool:
        found = read(record) or {}
        return all(key in found and found[key] == value for key, value in wanted.items())

    return test


def _linked(link: Link) -> FilterTest:
    def test(tables: Tables, record: Record, ids: Collection[str]) -> bool:
        pairs = record.links.get(link.member[-1])
        targets = entries(record.fields, (*link.member, *link.target_path[:-1]))
        linked = {each.get(link.target_path[-1]) for each in targets} if pairs is None else set(pairs)
        return not linked.isdisjoint(ids)

    return test


#: What a parameter's name ends in, what the column's name ends in instead, and how the two are compared.
_MEANINGS: Mapping[FilterType, tuple[tuple[str, str, Callable[[Read], FilterTest]], ...]] = {
    "list": (("s", "", one_of), ("es", "", one_of), ("ies", "y", one_of)),
    "text": (("", "", _equal), ("_contains", "", _contains)),
    "timestamp": (("_after", "_at", _after), ("_before", "_at", _before)),
    "json": (("", "", _has_members),),
}
