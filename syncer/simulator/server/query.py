"""The query parameters of a list: read, checked, and turned into a test of records."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any

from msgspec import Struct

from syncer.domain.catalogue.model import Filter, Model
from syncer.domain.gateway.kombo_words import (
    DEFAULT_PAGE_SIZE,
    InvalidInput,
    check_choices,
    read_boolean,
    read_moment,
    read_page_size,
)
from syncer.simulator.company.factories import FACTORIES
from syncer.simulator.company.filters import FilterTest, filter_test
from syncer.simulator.company.ids import to_ms
from syncer.simulator.company.records import Record, Tables


class Query(Struct, frozen=True):
    """Query parameters of a list request.

    cursor is still opaque here. updated_after is in milliseconds since 1970.
    ids is None where any will do. nothing: a filter that the tool does not support leaves no record over.
    """

    page_size: int = DEFAULT_PAGE_SIZE
    cursor: str | None = None
    updated_after: int | None = None
    include_deleted: bool = False
    ids: frozenset[str] | None = None
    remote_ids: frozenset[str] | None = None
    tests: tuple[Callable[[Tables, Record], bool], ...] = ()
    nothing: bool = False

    def fits(self, tables: Tables, record: Record) -> bool:
        if record.gone or self.nothing:
            return False
        if record.deleted_at is not None and not self.include_deleted:
            return False
        if self.updated_after is not None and record.matched_at <= self.updated_after:
            return False
        if self.remote_ids is None and not self.tests:
            return True
        if record.blank:
            return False
        if self.remote_ids is not None and record.fields["remote_id"] not in self.remote_ids:
            return False
        return all(test(tables, record) for test in self.tests)


def read_query(
    model: Model, params: Mapping[str, str], unsupported: Collection[tuple[str, str]] = ()
) -> Query:
    """Read the query of a list request.

    Parameters that the list does not know are ignored. unsupported holds the (model, filter) pairs that the
    tool behind has no data for; what neither a factory nor the columns give a meaning to counts as such.
    Raises InvalidInput.
    """
    features = model.features
    tests: list[Callable[[Tables, Record], bool]] = []
    is_unsupported = False
    for each in model.filters:
        if each.name in params:
            test = None if (model.name, each.name) in unsupported else meaning_of(model, each)
            if test is None:
                is_unsupported = True
            else:
                tests.append(_with_value(test, _value(each, params[each.name])))
    ignore = features.include_deleted and _boolean(params, "ignore_unsupported_filters")
    return Query(
        page_size=_page_size(params) if features.paging else DEFAULT_PAGE_SIZE,
        cursor=params.get("cursor") if features.paging else None,
        updated_after=_milliseconds(params, "updated_after") if features.updated_after else None,
        include_deleted=features.include_deleted and _boolean(params, "include_deleted"),
        ids=_set(params, "ids") if features.ids else None,
        remote_ids=_set(params, "remote_ids") if features.remote_ids else None,
        tests=tuple(tests),
        nothing=is_unsupported and not ignore,
    )


def meaning_of(model: Model, filter: Filter) -> FilterTest | None:
    """Find what a list's own parameter means: what is registered for it, or else what the columns tell."""
    return FACTORIES[model.name].filters.get(filter.name) or filter_test(model, filter)


def _with_value(test: FilterTest, value: Any) -> Callable[[Tables, Record], bool]:
    return lambda tables, record: test(tables, record, value)


def _value(filter: Filter, text: str) -> Any:
    if filter.type == "timestamp":
        return to_ms(read_moment(filter.name, text))
    if filter.type == "json":
        return _single_pair(filter.name, text)
    values = frozenset(text.split(",")) if filter.type == "list" else frozenset({text})
    check_choices(filter.name, values, filter.choices)
    return values if filter.type == "list" else text


def _single_pair(name: str, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        raise InvalidInput(f"{name}: not JSON") from None
    if not isinstance(value, dict) or len(value) != 1:
        raise InvalidInput(f"{name}: expected an object with one key")
    if isinstance(next(iter(value.values())), dict | list):
        raise InvalidInput(f"{name}: the value must be a string, a number, a boolean or null")
    return value


def _page_size(params: Mapping[str, str]) -> int:
    return read_page_size("page_size", params.get("page_size", str(DEFAULT_PAGE_SIZE)))


def _boolean(params: Mapping[str, str], name: str) -> bool:
    return read_boolean(name, params.get(name, "false"))


def _set(params: Mapping[str, str], name: str) -> frozenset[str] | None:
    return frozenset(params[name].split(",")) if name in params else None


def _milliseconds(params: Mapping[str, str], name: str) -> int | None:
    if name not in params:
        return None
    return to_ms(read_moment(name, params[name]))
