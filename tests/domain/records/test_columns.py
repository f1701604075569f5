"""A record's columns: those that fit are read together, and one that does not costs itself alone."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, get_args

import pytest

from syncer.domain.catalogue.model import Column, ColumnType
from syncer.domain.records.columns import INDEXED_BYTES, read_columns, sources_of

#: A value that fits a column of each type, as the decoder gives it, and one that does not: any is JSON.
FITTING: dict[str, Any] = {
    "text": "a",
    "boolean": False,
    "integer": 0,
    "number": Decimal("1.50"),
    "date": "2026-01-01T00:00:00.000Z",
    "time": "09:30:00",
    "timestamp": "2026-01-01T00:00:00.000Z",
    "json": {"a": [1]},
}
UNFIT: dict[str, Any] = {
    "text": 7,
    "boolean": "yes",
    "integer": Decimal("1.5"),
    "number": "1.5",
    "date": 20260101,
    "time": "half past nine",
    "timestamp": "soon",
}
COLUMNS = [Column(name, name, "…") for name in get_args(ColumnType)]
DEEP = Column("deep", "text", "…", path=("json", "deeper"))
REFERENCE = Column("reference", "text", "…", references="hris_employees")


def read(record: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    notes: list[str] = []
    return read_columns(sources_of([*COLUMNS, DEEP, REFERENCE]), record, notes, ("list",)), notes


def test_what_is_absent_or_null_is_null_without_a_note() -> None:
    assert read({}) == (dict.fromkeys([*FITTING, "deep", "reference"]), [])
    assert read(dict.fromkeys(FITTING)) == read({})


def test_false_and_zero_are_values() -> None:
    values, notes = read(FITTING)
    assert (values["boolean"], values["integer"], notes) == (False, 0, [])


@pytest.mark.parametrize("type_", UNFIT)
def test_a_value_that_does_not_fit_is_null_and_noted_and_the_others_are_as_without_it(
    type_: str,
) -> None:
    values, notes = read({**FITTING, type_: UNFIT[type_]})
    expected, _ = read({**FITTING, type_: None})
    assert values == expected
    [note] = notes
    assert note.startswith(f"list.{type_}: ")


def test_a_path_is_followed_and_ends_where_there_is_no_object() -> None:
    assert read({"json": {"deeper": "x"}})[0]["deep"] == "x"
    assert read({"json": ["deeper"]})[0]["deep"] is None
    values, notes = read({"json": {"deeper": 7}, "text": "a"})
    assert (values["deep"], values["text"], notes) == (
        None,
        "a",
        ["list.json.deeper: expected text, got a number"],
    )


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ("x" * INDEXED_BYTES, True),
        ("x" * (INDEXED_BYTES + 1), False),
        ("é" * (INDEXED_BYTES // 2), True),
        ("é" * (INDEXED_BYTES // 2 + 1), False),
        ("😀" * (INDEXED_BYTES // 4), True),
    ],
)
def test_what_is_looked_up_is_no_longer_than_an_index_takes(value: str, fits: bool) -> None:
    values, notes = read({"reference": value, "text": "a"})
    assert values["reference"] == (value if fits else None)
    assert values["text"] == "a"
    assert bool(notes) is not fits
