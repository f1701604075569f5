"""Filters of one list that a column or link of the mirror answers exactly. Pure.

Which that is follows from the names, as in the catalogue of Kombo's documentation: ``statuses`` are values of
``status``, ``started_after`` compares ``started_at``, ``group_ids`` the ids of a link whose target is
``group_id``. Parts of texts, names, e-mail addresses and free JSON are left to Kombo: nobody knows how it
compares their letters. So are columns that are taken from a copy inside a copy, which may be stale.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from syncer.domain.catalogue.model import Column, Filter, FilterType, Link, Model
from syncer.domain.gateway.kombo_words import check_choices, read_moment

Comparison = Literal["one_of", "after", "before"]

#: What a parameter's name ends in, what the column's name ends in instead, and how the two are compared.
_ENDINGS: Final[Mapping[FilterType, tuple[tuple[str, str, Comparison], ...]]] = {
    "list": (("s", "", "one_of"), ("es", "", "one_of"), ("ies", "y", "one_of")),
    "text": (("", "", "one_of"),),
    "timestamp": (("_after", "_at", "after"), ("_before", "_at", "before")),
    "json": (),
}


class ColumnFilter(Struct, frozen=True):
    """Filter of a list as a condition on its rows.

    column: of the model's table, or of the link's: its ids. source: path of the value in a record. values:
    those of which a row must have one; moment: what it is compared with.
    """

    filter: Filter
    column: str
    comparison: Comparison
    source: tuple[str, ...]
    link: Link | None = None
    values: tuple[str, ...] = ()
    moment: datetime | None = None

    def with_value(self, text: str) -> ColumnFilter:
        """Give the filter the value of its parameter. Raises InvalidInput in Kombo's words."""
        name = self.filter.name
        if self.filter.type == "timestamp":
            return replace(self, moment=read_moment(name, text))
        values = tuple(dict.fromkeys(text.split(","))) if self.filter.type == "list" else (text,)
        check_choices(name, values, self.filter.choices)
        return replace(self, values=values)


@cache
def column_filter(model: Model, filter: Filter) -> ColumnFilter | None:
    """Find the column or link that answers a filter exactly; None where there is none."""
    found = next(_columns(model, filter), None)
    if found is not None:
        column, comparison = found
        fits = column.type == "timestamp" if filter.type == "timestamp" else _is_exact(column)
        # The first step leads to another record, whose id is this record's own; a second to what that says.
        if not fits or len(column.source) > 2:
            return None
        return ColumnFilter(filter, column.name, comparison, column.source)
    if filter.type == "list":
        for link in model.links:
            if f"{link.target}s" == filter.name:
                return ColumnFilter(filter, link.target, "one_of", link.member + link.target_path, link)
    return None


def _columns(model: Model, filter: Filter) -> Iterator[tuple[Column, Comparison]]:
    columns = {column.name: column for column in model.columns}
    for ending, tail, comparison in _ENDINGS[filter.type]:
        column = columns.get(filter.name.removesuffix(ending) + tail)
        if filter.name.endswith(ending) and column is not None:
            yield column, comparison


def _is_exact(column: Column) -> bool:
    """Tell whether values are compared letter by letter: ids, and words of a fixed set or of one place."""
    return column.type == "text" and (column.references is not None or not _is_of_letters(column))


def _is_of_letters(column: Column) -> bool:
    """Tell whether people write the value, as they write names and addresses."""
    return column.name.endswith(("name", "email", "url"))
