"""Records of native lists: their keys, the columns of their views, and those that cannot be rows."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.domain.catalogue.model import Column, ColumnType
from syncer.domain.native.rows import project_native, read_native
from syncer.domain.native.spec import ForEach, NativeListSpec
from syncer.domain.records.record import ID_LENGTH, Poison, Record
from syncer.domain.records.row import Row
from tests.domain.native.paged_tool import native_list

EACH = ForEach("hris_employees", "remote_id", "remote_id")


def encoded(record: Any) -> bytes:
    return json.dumps(record).encode()


def record_of(spec: NativeListSpec, record: Any, parent: str | None = None) -> Record:
    found = read_native(spec, encoded(record), parent)
    assert isinstance(found, Record), found
    return found


def row_of(spec: NativeListSpec, record: Any, parent: str | None = None) -> Row:
    row = project_native(spec, record_of(spec, record, parent))
    assert isinstance(row, Row), row
    return row


def reason(spec: NativeListSpec, raw: bytes, parent: str | None = None) -> str:
    poison = read_native(spec, raw, parent)
    assert isinstance(poison, Poison)
    return poison.reason


# --- keys


@pytest.mark.parametrize(
    ("key", "record", "expected"),
    [
        (("id",), {"id": "a"}, "a"),
        (("id",), {"id": 7}, "7"),
        (("id",), {"id": 0}, "0"),
        (("id",), {"id": True}, "true"),
        (("attributes.id.value",), {"attributes": {"id": {"value": 12}}}, "12"),
        (("employee", "id"), {"employee": "1", "id": 2}, '["1","2"]'),
        (("employee", "id"), {"employee": 'ü"', "id": False}, '["ü\\"","false"]'),
        (("id", "for_each.remote_id"), {"id": 2}, '["2","p1"]'),
        (("for_each.remote_id",), {"for_each": {"remote_id": "mine"}}, "p1"),
        (("join('/', [a, b])",), {"a": "x", "b": "y"}, "x/y"),
    ],
)
def test_a_key_is_its_only_part_or_a_list_of_its_parts(
    key: tuple[str, ...], record: dict[str, Any], expected: str
) -> None:
    found = record_of(native_list(key=key, for_each=EACH), record, "p1")
    assert (found.id, found.remote_id, found.parent, found.text) == (expected, None, "p1", encoded(record))


@given(*[st.lists(st.text(min_size=1, max_size=9), min_size=2, max_size=2)] * 2)
def test_different_parts_are_different_keys(one: list[str], other: list[str]) -> None:
    spec = native_list(key=("a", "b"))
    found = [read_native(spec, encoded({"a": a, "b": b}), None) for a, b in (one, other)]
    if all(isinstance(each, Record) for each in found):
        assert (found[0] == found[1]) is (one == other)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"x": 1}, "employee.id is missing"),
        ({"employee": None}, "employee.id is missing"),
        ({"employee": "e"}, "employee.id is missing"),
        ({"employee": {"id": None}}, "employee.id is missing"),
        ({"employee": {"id": ""}}, "employee.id is empty"),
        ({"employee": {"id": {}}}, "employee.id is an object"),
        ({"employee": {"id": [1]}}, "employee.id is a list"),
        ({"employee": {"id": 1.5}}, "employee.id is a number with a fraction"),
        ({"employee": {"id": "x" * (ID_LENGTH + 1)}}, f"it is longer than {ID_LENGTH} characters"),
    ],
)
def test_a_record_without_a_usable_key_says_which_part(record: dict[str, Any], expected: str) -> None:
    spec = native_list(key=("employee.id",))
    assert reason(spec, encoded(record)) == f"no usable key: {expected}"


def test_a_key_of_the_row_needs_one() -> None:
    spec = native_list(key=("for_each.remote_id", "id"), for_each=EACH)
    assert reason(spec, b'{"id": 1}') == "no usable key: for_each.remote_id is missing"


def test_the_longest_key_is_one() -> None:
    assert record_of(native_list(), {"id": "x" * ID_LENGTH}).id == "x" * ID_LENGTH


@pytest.mark.parametrize(
    ("raw", "expected", "key"),
    [
        (b"[1]", "not an object", None),
        (b"null", "not an object", None),
        (b'{"id": "a\\u0000"}', "holds a NUL character", None),
        (b'{"id": "a", "b": [{"\\u0000": 1}]}', "holds a NUL character", "a"),
        (b'{"id": 7, "b": 1e999999}', "not readable: ", "7"),
        (b'{"id": "a", "b": "\\ud800"}', "not readable: ", "a"),
        (b'{"id": "\\ud800"}', "not readable: ", None),
        (b'{"id": "a"', "not readable: ", None),
        (b'{"id": "\xff"}', "not readable: ", None),
    ],
)
def test_what_no_database_can_hold_is_poison_by_its_key(raw: bytes, expected: str, key: str | None) -> None:
    poison = read_native(native_list(), raw, None)
    assert isinstance(poison, Poison)
    assert poison.reason.startswith(expected)
    assert poison.id == key


def test_a_key_that_cannot_be_followed_is_poison_and_repeats_no_value() -> None:
    said = reason(native_list(key=("join('/', names)",)), b'{"names": {"secret": 1}}')
    assert said == """no usable key: "join('/', names)" cannot be followed in what is there"""


@pytest.mark.parametrize(("key", "tells_its_row"), [(("id",), False), ((EACH.key_part, "id"), True)])
def test_the_hash_is_of_the_record_and_of_its_row_where_the_key_does_not_tell_that(
    key: tuple[str, ...], tells_its_row: bool
) -> None:
    spec = native_list(for_each=EACH, key=key)
    one, other = record_of(spec, {"id": 1}, "p1"), record_of(spec, {"id": 1}, "p2")
    assert one.content_hash == record_of(spec, {"id": 1}, "p1").content_hash
    assert (one.content_hash == other.content_hash) is tells_its_row
    assert one.content_hash != record_of(spec, {"id": 1, "a": 2}, "p1").content_hash


# --- columns


def columns(*given: tuple[str, ColumnType, str]) -> tuple[Column, ...]:
    return tuple(Column(name, type_, "", path=(path,)) for name, type_, path in given)


def test_columns_are_found_by_path_and_written_as_json() -> None:
    spec = native_list(
        columns=columns(
            ("title", "text", "work.title"),
            ("began", "date", "work.began"),
            ("at", "time", "at"),
            ("changed", "timestamp", "changed"),
            ("pay", "number", "pay"),
            ("floor", "integer", "floor"),
            ("active", "boolean", "active"),
            ("tags", "json", "tags[].name"),
            ("gone", "text", "nowhere.at[0].all"),
        )
    )
    raw = (
        b'{"id": 1, "work": {"title": "Z\xc3\xb6e", "began": "2024-02-29T00:00:00.000Z"}, "at": "09:30",'
        b' "changed": "2024-01-01T01:00:00+02:00", "pay": 12345678901234567890.10, "floor": 3,'
        b' "active": false,'
        b' "tags": [{"name": "a"}, {"name": 1.50}]}'
    )
    record = read_native(spec, raw, "p1")
    assert isinstance(record, Record)
    row = project_native(spec, record)
    assert isinstance(row, Row)
    assert (row.id, row.document, row.notes, row.links, row.children) == ("1", raw.decode(), (), {}, {})
    assert (row.deleted_at, row.is_shell, row.content_hash) == (None, False, record.content_hash)
    assert row.values == {
        "parent": "p1",
        "columns": '{"title":"Zöe","began":"2024-02-29","at":"09:30:00",'
        '"changed":"2023-12-31T23:00:00.000000Z",'
        '"pay":12345678901234567890.10,"floor":3,"active":false,"tags":["a",1.50],"gone":null}',
    }


def test_without_columns_there_is_no_object() -> None:
    assert row_of(native_list(), {"id": 1}).values == {"parent": None, "columns": None}


def test_a_value_that_does_not_fit_is_null_and_noted() -> None:
    spec = native_list(
        columns=columns(
            ("n", "integer", "a.n"), ("d", "date", "d"), ("s", "text", "s"), ("j", "json", "sum(d)")
        )
    )
    row = row_of(spec, {"id": 1, "a": {"n": "7"}, "d": "soon", "s": 5})
    assert row.values["columns"] == '{"n":null,"d":null,"s":null,"j":null}'
    assert row.notes == (
        "a.n: expected an integer, got text",
        "d: is not a date",
        "s: expected text, got a number",
        "sum(d): 'sum(d)' cannot be followed in what is there",
    )


@pytest.mark.parametrize("written", ["xml", "csv"])
def test_texts_of_xml_and_csv_are_the_values_that_they_stand_for(written: object) -> None:
    spec = native_list(
        format=written,
        columns=columns(
            ("n", "integer", "n"),
            ("p", "number", "p"),
            ("b", "boolean", "b"),
            ("o", "boolean", "o"),
            ("d", "date", "d"),
            ("e", "integer", "e"),
            ("t", "text", "t"),
            ("j", "json", "j"),
            ("w", "number", "w"),
        ),
    )
    record = {"id": "1", "n": " 007 ", "p": "-1.50", "b": "TRUE", "o": "0", "d": " 2024-01-31"}
    row = row_of(spec, {**record, "e": "", "t": " x ", "j": "5", "w": "1,5"})
    assert row.values["columns"] == (
        '{"n":7,"p":-1.50,"b":true,"o":false,"d":"2024-01-31","e":null,"t":" x ","j":"5","w":null}'
    )
    assert row.notes == ("w: expected a number, got text",)


def test_a_record_of_another_time_that_cannot_be_read_is_poison_by_its_key() -> None:
    poison = project_native(native_list(), Record("k", None, b"", b"{", None))
    assert isinstance(poison, Poison)
    assert (poison.id, poison.reason.partition(":")[0]) == ("k", "not readable")
