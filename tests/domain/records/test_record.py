"""JSON records as rows, over the whole catalogue; and those that no database can hold as poison."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from syncer.domain.catalogue.lookup import catalogue, model_named
from syncer.domain.catalogue.model import Child, Column, ColumnType, Link, Model
from syncer.domain.records.record import ID_LENGTH, Poison, ascii_json
from syncer.domain.records.row import COMMON_COLUMNS, Row, project_text
from tests.support.for_each import for_each

EMPLOYEES = model_named("hris_employees")
JOBS = model_named("ats_jobs")
PAYSLIPS = model_named("hris_payslips")
STAFFING = model_named("hris_staffing_entities")

#: A value of each type as it arrives, and as the store takes it.
SAMPLES: dict[ColumnType, tuple[Any, Any]] = {
    "text": ("Zoë", "Zoë"),
    "boolean": (False, False),
    "integer": (7, 7),
    "number": (0.1, Decimal("0.1")),
    "date": ("1986-01-01T00:00:00.000Z", date(1986, 1, 1)),
    "time": ("09:30:00", time(9, 30)),
    "timestamp": ("2022-08-07T14:01:29.196Z", datetime(2022, 8, 7, 14, 1, 29, 196000, UTC)),
    "json": ({"skill_id": "x", "id": "x", "b": None}, '{"skill_id":"x","id":"x","b":null}'),
}

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)
records = st.dictionaries(texts, json_values, max_size=6).map(lambda record: {**record, "id": "r1"})


each_model = for_each("model", catalogue().values(), called=lambda model: model.name)
each_link = for_each(
    ("model", "link"),
    [(model, link) for model in catalogue().values() for link in model.links],
    called=lambda case: case[1].table,
)
each_child = for_each(
    ("model", "child"),
    [(model, child) for model in catalogue().values() for child in model.children],
    called=lambda case: case[1].table,
)


def parts(model: Model) -> tuple[Link | Child, ...]:
    return (*model.links, *model.children)


def nested(path: tuple[str, ...], value: Any, *, in_lists: bool = False) -> Any:
    """An object with the value at the end of the path; in_lists: each step on the way is a list of one."""
    for member in reversed(path):
        value = {member: [value] if in_lists and isinstance(value, dict) else value}
    return value


def written(record: Any) -> bytes:
    return json.dumps(record, ensure_ascii=False).encode()


def row_of(model: Model, members: dict[str, Any] | None = None, **more: Any) -> Row:
    row = project_text(model, written({"id": "r1", **(members or {}), **more}))
    assert isinstance(row, Row)
    return row


def poison_of(raw: bytes) -> Poison:
    poison = project_text(EMPLOYEES, raw)
    assert isinstance(poison, Poison)
    return poison


# --- the record as a whole ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [
        b'{"id":"a"}',
        b' {\n "id" : "a",\t"first_name": "Zo\\u00eb" }\r\n',
        '{"id":"a","first_name":"Zoë","x":"\\ud83d\\ude00 😀 \\/ \\\\u0000"}'.encode(),
        b'{"id":"a","x":0.10,"y":1E5,"z":12345678901234567890123,"x":-0.0}',
        b'{"id":"a","x":{"b":[],"a":{}}}',
    ],
)
def test_the_document_is_what_was_received(raw: bytes) -> None:
    row = project_text(EMPLOYEES, raw)
    assert isinstance(row, Row)
    assert row.document.encode() == raw
    assert row.id == "a"


@settings(max_examples=60)
@given(record=records, indent=st.sampled_from([None, 0, 3]), ascii_only=st.booleans())
def test_the_document_of_any_record_is_what_was_received(
    record: dict[str, Any], indent: int | None, ascii_only: bool
) -> None:
    raw = json.dumps(record, indent=indent, ensure_ascii=ascii_only).encode()
    row = project_text(EMPLOYEES, raw)
    assert isinstance(row, Row)
    assert row.document.encode() == raw


@settings(max_examples=60)
@given(record=records, name=texts.filter(lambda name: name != "id"), value=json_values)
def test_any_changed_value_changes_the_hash(record: dict[str, Any], name: str, value: object) -> None:
    changed = {**record, name: value}
    assume(json.dumps(record, sort_keys=True) != json.dumps(changed, sort_keys=True))
    assert row_of(EMPLOYEES, record).content_hash != row_of(EMPLOYEES, changed).content_hash


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"x": 1}, {"x": "1"}),
        ({"x": None}, {}),
        ({"x": []}, {"x": {}}),
        ({"x": True}, {"x": 1}),
        ({"x": [1, 2]}, {"x": [2, 1]}),
        ({"x": ""}, {"x": None}),
        ({"x": {"y": 1}}, {"x": {"y": 2}}),
    ],
)
def test_records_that_differ_a_little_have_different_hashes(
    one: dict[str, object], other: dict[str, object]
) -> None:
    assert row_of(EMPLOYEES, one).content_hash != row_of(EMPLOYEES, other).content_hash


def test_unknown_members_are_in_the_document_only() -> None:
    row = row_of(EMPLOYEES, shoe_size={"eu": 44})
    assert json.loads(row.document)["shoe_size"] == {"eu": 44}
    assert not any("shoe" in name or "44" in str(value) for name, value in row.values.items())
    assert row.notes == ()
    assert row.content_hash != row_of(EMPLOYEES).content_hash


def test_a_large_text_survives() -> None:
    note = "Zoë😀" * 50_000
    row = row_of(model_named("ats_notes"), content_html=note, more=note)
    assert row.values["content_html"] == note
    assert json.loads(row.document)["more"] == note


# --- columns -----------------------------------------------------------------------------------------


@each_model
def test_every_column_takes_its_member(model: Model) -> None:
    for column in (*COMMON_COLUMNS, *model.columns):
        arrives, stored = SAMPLES[column.type]
        row = row_of(model, nested(column.source, arrives))
        assert row.values[column.name] == stored, column.name
        assert type(row.values[column.name]) is type(stored), column.name
        assert row.notes == ()


@each_model
def test_absent_and_null_members_are_null_columns(model: Model) -> None:
    columns = (*COMMON_COLUMNS, *model.columns)
    empty = dict.fromkeys((column.name for column in columns), None)
    assert row_of(model).values == empty
    nulls = row_of(model, dict.fromkeys((column.source[0] for column in columns), None))
    assert nulls.values == empty
    assert nulls.notes == ()


def misfit(column: Column) -> Any:
    return {"x": 1} if column.type == "text" else "not this"


@each_model
def test_a_column_that_does_not_fit_is_null_and_noted(model: Model) -> None:
    for column in (*COMMON_COLUMNS, *model.columns):
        if column.type == "json":
            continue
        row = row_of(model, nested(column.source, misfit(column)))
        assert row.values[column.name] is None, column.name
        assert [note.split(": ")[0] for note in row.notes] == [".".join(column.source)]


def test_a_misfit_leaves_the_other_columns_alone() -> None:
    row = row_of(EMPLOYEES, first_name=5, last_name="Ng", start_date="soon", weekly_hours=37.5)
    assert row.values["last_name"] == "Ng"
    assert row.values["weekly_hours"] == Decimal("37.5")
    assert [note.split(": ")[0] for note in sorted(row.notes)] == ["first_name", "start_date"]
    assert json.loads(row.document)["first_name"] == 5


@pytest.mark.parametrize("value", [5, "x", [1], True])
@each_model
def test_a_column_inside_what_is_no_object_is_null(model: Model, value: object) -> None:
    for column in model.columns:
        if len(column.source) > 1:
            assert row_of(model, {column.source[0]: value}).values[column.name] is None


def test_an_empty_text_is_not_null() -> None:
    assert row_of(EMPLOYEES, first_name="").values["first_name"] == ""


# --- deletion ----------------------------------------------------------------------------------------

DELETED = {"remote_deleted_at": "2026-01-05T10:00:00.000Z"}


def test_a_record_is_deleted_when_kombo_says_when() -> None:
    assert row_of(EMPLOYEES, DELETED).deleted_at == datetime(2026, 1, 5, 10, tzinfo=UTC)
    assert row_of(EMPLOYEES, remote_deleted_at=None).deleted_at is None
    assert row_of(EMPLOYEES).deleted_at is None


COMMON = {
    "remote_id": "7",
    "changed_at": "2026-01-05T10:00:00.000Z",
    "remote_created_at": "2025-01-05T10:00:00.000Z",
    "remote_updated_at": "2025-01-05T10:00:00.000Z",
}


@pytest.mark.parametrize(
    "members",
    [
        {},
        COMMON,
        {"first_name": None, "shoe_size": None},
        {"groups": [], "custom_fields": {}, "first_name": ""},
        {"home_address": {"street_1": None}, "groups": [None, {"id": None}]},
    ],
)
def test_a_deleted_record_without_values_is_a_shell(members: dict[str, Any]) -> None:
    assert row_of(EMPLOYEES, {**DELETED, **members}).is_shell
    assert not row_of(EMPLOYEES, members).is_shell


@pytest.mark.parametrize(
    "members",
    [{"first_name": "Ng"}, {"weekly_hours": 0}, {"x": False}, {"groups": [{"id": "g"}]}, {"x": {"y": [0]}}],
)
def test_a_deleted_record_with_any_value_is_not_a_shell(members: dict[str, Any]) -> None:
    assert not row_of(EMPLOYEES, {**DELETED, **COMMON, **members}).is_shell


# --- links and children ------------------------------------------------------------------------------


def entry_of(columns: tuple[Column, ...], target_path: tuple[str, ...], target: str) -> dict[str, Any]:
    """An entry of a list with the id and a value for each of the columns; parts of others are left out."""
    entry: dict[str, Any] = nested(target_path, target)
    for column in columns:
        holder = entry
        for member in column.source[:-1]:
            holder = holder.setdefault(member, {})
        holder.setdefault(column.source[-1], SAMPLES[column.type][0])
    return entry


@pytest.mark.parametrize("in_lists", [False, True])
@each_link
def test_a_link_is_a_row_per_entry(model: Model, link: Link, in_lists: bool) -> None:
    entries = [entry_of(link.columns, link.target_path, target) for target in ("t1", "t2")]
    row = row_of(model, nested(link.member, entries, in_lists=in_lists))
    assert row.links[link.table] == [
        {
            link.owner: "r1",
            link.target: target,
            **{column.name: SAMPLES[column.type][1] for column in link.columns},
        }
        for target in ("t1", "t2")
    ]
    assert row.notes == ()


@pytest.mark.parametrize("in_lists", [False, True])
@each_child
def test_a_child_is_a_row_per_entry(model: Model, child: Child, in_lists: bool) -> None:
    scalars = tuple(column for column in child.columns if len(column.source) == 1)
    entries = [entry_of((*COMMON_COLUMNS[:1], *scalars), ("id",), name) for name in ("c2", "c1")]
    row = row_of(model, nested(child.member, entries, in_lists=in_lists))
    found = row.children[child.table]
    assert [entry["id"] for entry in found] == ["c2", "c1"]
    for position, (entry, arrived) in enumerate(zip(found, entries, strict=True)):
        assert json.loads(entry["document"]) == arrived
        assert entry["remote_id"] == "Zoë"
        for column in child.columns:
            expected = SAMPLES[column.type][1] if column in scalars else None
            assert entry[column.name] == expected, column.name
        if child.owner is None:
            assert "position" not in entry
            assert len(entry["content_hash"]) == 16
        else:
            assert (entry[child.owner], entry["position"]) == ("r1", position)
            assert "content_hash" not in entry
    assert not [note for note in row.notes if note.startswith(f"{'.'.join(child.member)}:")]


@each_child
def test_members_inside_a_childs_members_are_columns_too(model: Model, child: Child) -> None:
    for column in child.columns:
        arrives, stored = SAMPLES[column.type]
        entry = {"id": "c1", **nested(column.source, arrives)}
        [found] = row_of(model, nested(child.member, [entry])).children[child.table]
        assert found[column.name] == stored, column.name


@each_model
def test_every_link_and_child_table_is_named_even_if_empty(model: Model) -> None:
    for row in (
        row_of(model),
        row_of(model, {part.member[0]: None for part in parts(model)}),
    ):
        assert row.links == {link.table: [] for link in model.links}
        assert row.children == {child.table: [] for child in model.children}
        assert row.notes == ()


@each_link
def test_an_entry_that_comes_twice_is_one_link(model: Model, link: Link) -> None:
    entries = [nested(link.target_path, target) for target in ("t1", "t2", "t1")]
    rows = row_of(model, nested(link.member, entries)).links[link.table]
    assert [row[link.target] for row in rows] == ["t1", "t2"]


NO_IDS = (None, 5, "", ["x"], "x" * (ID_LENGTH + 1))
UNUSABLE = [{}, "t1", 5, True, *({"id": value, "skill_id": value} for value in NO_IDS)]


@pytest.mark.parametrize("entry", UNUSABLE, ids=lambda entry: str(entry)[:20])
@pytest.mark.parametrize(
    ("model", "part"),
    [pytest.param(m, part, id=part.table) for m in catalogue().values() for part in parts(m)],
)
def test_an_entry_without_a_usable_id_is_noted_and_the_others_kept(
    model: Model, part: Link | Child, entry: object
) -> None:
    good = {"id": "t1", "skill_id": "t1"}
    row = row_of(model, nested(part.member, [entry, None, good]))
    found = row.links[part.table] if isinstance(part, Link) else row.children[part.table]
    assert len(found) == 1
    assert f"{'.'.join(part.member)}: an entry without a usable id" in row.notes


def test_a_misfit_inside_an_entry_is_noted_with_its_whole_path() -> None:
    row = row_of(JOBS, stages=[{"id": "s1", "index": "first"}], job_postings=[{"id": "p1", "title": 5}])
    assert row.links["ats_jobs_stages"][0]["position"] is None
    assert row.children["ats_job_postings"][0]["title"] is None
    assert sorted(note.split(": ")[0] for note in row.notes) == ["job_postings.title", "stages.index"]


def test_owned_children_keep_the_order_of_the_list() -> None:
    entries = [{"id": name} for name in ("c", "a", "b", "a")]
    rows = row_of(PAYSLIPS, line_items=[entries[0], {"name": "no id"}, *entries[1:]]).children[
        "hris_payslip_line_items"
    ]
    assert [(row["id"], row["position"]) for row in rows] == [("c", 0), ("a", 1), ("b", 2), ("a", 3)]


def question(**members: Any) -> bytes:
    row = row_of(JOBS, screening_questions=[{"id": "q1", "title": "Why?", **members}])
    [found] = row.children["ats_screening_questions"]
    content_hash = found["content_hash"]
    assert isinstance(content_hash, bytes)
    return content_hash


def test_the_hash_of_a_shared_child_ignores_what_is_no_column_of_it() -> None:
    assert question() == question(index=3, required=True, news="x")
    assert question() != question(title="How?")
    assert question() != question(remote_id="7")


# --- poison ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b'{"id":"a"',
        b'{"id":"a"}}',
        b'{"id":"a",}',
        b"{'id':'a'}",
        b'{"id":"a","x":NaN}',
        b"\xff",
        b"\x00",
        b'{"id":"a","x":Infinity}',
        b'{"id":"a","x":01}',
        b'{"id":"a","x":"\t"}',
        b'{"id":"a","x":"\x00"}',
    ],
)
def test_what_is_not_json_is_poison(raw: bytes) -> None:
    assert poison_of(raw).reason.startswith("not readable: ")


@pytest.mark.parametrize(
    "members",
    [b'"x":NaN', b'"x":"\t"', b'"x":"\x00"', b'"x":%b' % (b"9" * 5000), b'"x":1e99999', b'"x":"\xff"'],
)
def test_the_id_of_what_cannot_be_read_is_found_if_it_can(members: bytes) -> None:
    assert poison_of(b'{"id":"a",%b}' % members).id == "a"


@pytest.mark.parametrize("raw", [b"null", b"5", b'"a"', b"[]", b'[{"id":"a"}]', b"true"])
def test_what_is_no_object_is_poison(raw: bytes) -> None:
    assert poison_of(raw) == Poison(None, "not an object", raw.decode())


@pytest.mark.parametrize("value", ["", None, 5, 1.5, True, ["a"], {"id": "a"}, "x" * (ID_LENGTH + 1)])
def test_a_record_without_a_usable_id_is_poison(value: object) -> None:
    poison = poison_of(written({"id": value, "first_name": "Ng"}))
    assert (poison.id, poison.reason) == (None, "no usable id")
    assert poison_of(b"{}").reason == "no usable id"


def test_an_id_of_the_greatest_length_is_usable() -> None:
    row_of(EMPLOYEES, id="x" * ID_LENGTH)


@pytest.mark.parametrize(
    "raw",
    [
        rb'{"id":"a","x":"\u0000"}',
        rb'{"id":"a","first_name":"one\u0000two"}',
        rb'{"id":"a","\u0000":1}',
        rb'{"id":"a","x":[1,{"y":["\u0000"]}]}',
        rb'{"id":"a","x":{"y":{"\u0000":1}}}',
        rb'{"id":"a","x":"\\\u0000"}',
    ],
)
def test_a_nul_anywhere_is_poison(raw: bytes) -> None:
    assert poison_of(raw) == Poison("a", "holds a NUL character", raw.decode())


def test_an_id_with_a_nul_is_not_kept_as_one() -> None:
    assert poison_of(rb'{"id":"a\u0000b"}').id is None


@pytest.mark.parametrize("text", [r"\\u0000", r"C:\\u0000", r"\\\\u0000", r"0000", r"\u0001"])
def test_what_only_looks_like_a_nul_is_none(text: str) -> None:
    row = project_text(EMPLOYEES, f'{{"id":"a","first_name":"{text}"}}'.encode())
    assert isinstance(row, Row)
    assert row.values["first_name"] == json.loads(f'"{text}"')


@pytest.mark.parametrize(
    "text",
    [rb"\ud800", rb"\udfff", rb"\ud800\ud800", rb"\udc00\ud800", rb"\ud800x", rb"\ud800\n", b"\xed\xa0\x80"],
)
@pytest.mark.parametrize(
    "raw", [b'{"id":"a","x":"%b"}', b'{"id":"a","%b":1}', b'{"id":"a","x":[{"y":"%b"}]}']
)
def test_a_lone_surrogate_is_poison(text: bytes, raw: bytes) -> None:
    poison = poison_of(raw % text)
    assert poison.id == "a"
    assert poison.reason.startswith("not readable: ")


@pytest.mark.parametrize(
    "written",
    ["1e1001", "1e-1001", "0e99999", "1e999999999", "1e99999999999999999999", "0." + "1" * 1001, "9" * 5000],
)
def test_a_number_that_no_database_holds_is_poison(written: str) -> None:
    poison = poison_of(f'{{"id":"a","x":[{written}]}}'.encode())
    assert poison.id == "a"
    assert written in poison.document


@pytest.mark.parametrize("written", ["1e1000", "1e-1000", "0." + "1" * 900, "9" * 4000])
def test_a_number_that_databases_hold_is_a_row(written: str) -> None:
    assert isinstance(project_text(EMPLOYEES, f'{{"id":"a","x":[{written}]}}'.encode()), Row)


@pytest.mark.parametrize("tail", [b"", rb',"z":"\u0000"', b',"z":"\xff"'])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}"), (b'[{"id":', b"}]")])
@pytest.mark.parametrize("member", [b"x", b"custom_fields", b"groups", b"first_name", b"remote_deleted_at"])
def test_no_depth_of_nesting_is_a_crash(opening: bytes, closing: bytes, tail: bytes, member: bytes) -> None:
    for depth in (10, 150, 250, 350, 450, 600, 800, 930, 960, 1000, 5000, 100_000):
        raw = b'{"id":"a","%b":%b1%b%b}' % (member, opening * depth, closing * depth, tail)
        result = project_text(EMPLOYEES, raw)
        assert isinstance(result, Poison) or not tail
        if depth <= 150 and not tail:
            assert isinstance(result, Row)
        if depth >= 5000:
            assert isinstance(result, Poison)
            assert len(result.document) >= len(raw)


def test_a_poison_document_is_the_record_in_ascii() -> None:
    raw = '{"id":"a","x":"Zoë 😀 \\u0000","y":0.10,\n "z":12345678901234567890123}'.encode()
    poison = poison_of(raw)
    assert poison.document == (
        '{"id":"a","x":"Zo\\u00eb \\ud83d\\ude00 \\u0000","y":0.10,\n "z":12345678901234567890123}'
    )


@settings(max_examples=300)
@given(
    start=st.sampled_from([b"", b'{"id":"a","x":"', b'{"id":"', '{"id":"é","x":['.encode()]),
    middle=st.binary() | st.text().map(str.encode) | json_values.map(written),
    end=st.sampled_from([b"", b'"}', b"]}", rb'\u0000"}']),
)
def test_any_bytes_are_a_row_or_poison_in_ascii(start: bytes, middle: bytes, end: bytes) -> None:
    raw = start + middle + end
    result = project_text(EMPLOYEES, raw)
    if isinstance(result, Row):
        assert result.document.encode() == raw
        assert "\0" not in result.document
    else:
        assert result.document.isascii()
        assert "\0" not in result.document
        assert result.reason
        assert result.id is None or result.id.isprintable()


@given(value=json_values)
def test_json_in_ascii_says_the_same(value: object) -> None:
    document = json.dumps(value, ensure_ascii=False)
    assert ascii_json(document).isascii()
    assert json.loads(ascii_json(document)) == value
