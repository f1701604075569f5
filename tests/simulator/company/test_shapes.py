"""The rendered records have the members of Kombo's schemas: all of them, and no others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from syncer.domain.catalogue.lookup import catalogue
from syncer.simulator.clock import SimClock
from syncer.simulator.company.company import Company
from syncer.simulator.company.factories import GENERIC, RELATIONS
from syncer.simulator.company.render import UNKNOWN_MEMBER

SHAPES = json.loads((Path(__file__).parents[2] / "data" / "models.json").read_text(encoding="utf-8"))
SHAPE_OF_PATH = {shape["path"]: shape for shape in SHAPES["models"]}

#: Kombo's table of relations names the salary type of a line item; no schema shows its members yet.
UNDECLARED = {"hris_payslips": {"line_items[].salary_type"}}


#: Generic records have the members of the catalogue alone, without what objects among them consist of.
BY_HAND = {model.path: name for name, model in catalogue().items() if name not in GENERIC}
DESCRIBED = [name for path, name in BY_HAND.items() if path in SHAPE_OF_PATH]


@pytest.fixture(scope="module")
def rows() -> dict[str, list[dict[str, Any]]]:
    clock = SimClock.frozen(datetime(2026, 6, 1, 12, tzinfo=UTC))
    company = Company("personio:8d1hpPsbjxUkoCoa1veLZGe5", clock, seed=3, records=4_000)
    return {model: company.rows(model) for model in catalogue()}


def _declared(fields: list[dict[str, Any]], prefix: str = "") -> Iterator[str]:
    for field in fields:
        name = f"{prefix}{field['name']}"
        yield name
        yield from _inside(field, name)


def _inside(field: dict[str, Any], name: str) -> Iterator[str]:
    yield from _declared(field.get("fields", []), f"{name}.")
    for variant in field.get("variants", []):
        yield from _inside(variant, name)
    if isinstance(field.get("items"), dict):
        yield from _inside(field["items"], f"{name}[]")


def _free_form(fields: list[dict[str, Any]], prefix: str = "") -> Iterator[str]:
    for field in fields:
        name = f"{prefix}{field['name']}"
        if field.get("free_form") or field["type"] == "any":
            yield name
        yield from _free_inside(field, name)


def _free_inside(field: dict[str, Any], name: str) -> Iterator[str]:
    yield from _free_form(field.get("fields", []), f"{name}.")
    for variant in field.get("variants", []):
        yield from _free_inside(variant, name)
    if isinstance(field.get("items"), dict):
        yield from _free_inside(field["items"], f"{name}[]")


def _shown(value: Any, free: set[str], path: str = "") -> Iterator[str]:
    if path in free:
        return
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == UNKNOWN_MEMBER:
                continue
            here = f"{path}.{name}" if path else name
            yield here
            yield from _shown(inner, free, here)
    elif isinstance(value, list):
        for inner in value:
            yield from _shown(inner, free, f"{path}[]")


@pytest.mark.parametrize("model", DESCRIBED)
def test_every_declared_member_is_shown_somewhere_and_no_other(
    model: str, rows: dict[str, list[dict[str, Any]]]
) -> None:
    fields = SHAPE_OF_PATH[catalogue()[model].path]["fields"]
    free = set(_free_form(fields))
    undeclared = UNDECLARED.get(model, set())
    shown = {path for row in rows[model] for path in _shown(row, free | undeclared)}
    assert shown - undeclared == set(_declared(fields))
    assert undeclared <= shown


@pytest.mark.parametrize("model", DESCRIBED)
def test_every_member_takes_the_values_that_its_schema_allows(
    model: str, rows: dict[str, list[dict[str, Any]]]
) -> None:
    fields = SHAPE_OF_PATH[catalogue()[model].path]["fields"]
    for row in rows[model]:
        for field in fields:
            _check_member(field, row, f"{model} {row['id']}")


def _check_member(field: dict[str, Any], holder: dict[str, Any], where: str) -> None:
    name = field["name"]
    where = f"{where}.{name}"
    if name not in holder:
        assert not field["required"], f"{where} is missing"
        return
    _check(field, holder[name], where)


def _check(field: dict[str, Any], value: Any, where: str) -> None:
    if value is None:
        assert field["nullable"] or field["type"] == "any", f"{where} is null"
        return
    kinds: dict[str, Any] = {
        "string": str, "enum": str, "date-time": str, "date": str, "number": int | float, "integer": int,
        "boolean": bool, "array": list, "object": dict, "union": dict,
    }  # fmt: skip
    assert field["type"] == "any" or isinstance(value, kinds[field["type"]]), f"{where}: {value!r}"
    if field["type"] == "enum" and not field["enum_open"]:
        assert value in field["enum"], f"{where}: {value!r}"
    for inner in field.get("fields", []):
        _check_member(inner, value, where)
    if field["type"] == "array":
        for entry in value:
            _check({"nullable": False, "required": True, **field["items"]}, entry, f"{where}[]")


@pytest.mark.parametrize(
    ("model", "member"),
    [
        ("hris_employees", "gender"),
        ("hris_employees", "ethnicity"),
        ("hris_employees", "marital_status"),
        ("hris_employees", "employment_status"),
        ("hris_employees", "employment_type"),
        ("hris_employments", "pay_period"),
        ("hris_employments", "pay_frequency"),
        ("hris_absences", "status"),
        ("hris_skill_proficiency_ratings", "rating_source"),
        ("ats_jobs", "employment_type"),
        ("ats_jobs", "status"),
        ("ats_jobs", "visibility"),
        ("ats_jobs", "remote_work_status"),
        ("ats_jobs", "salary_period"),
    ],
)
def test_open_enums_hold_raw_words_of_the_tool_too(
    model: str, member: str, rows: dict[str, list[dict[str, Any]]]
) -> None:
    fields = SHAPE_OF_PATH[catalogue()[model].path]["fields"]
    field = next(each for each in fields if each["name"] == member)
    assert field["enum_open"]
    assert {row.get(member) for row in rows[model]} - set(field["enum"]) - {None}


@pytest.mark.parametrize("model", list(catalogue()))
def test_some_records_of_every_list_of_some_size_carry_a_member_that_nobody_knows(
    model: str, rows: dict[str, list[dict[str, Any]]]
) -> None:
    assert any(UNKNOWN_MEMBER in row for row in rows[model]) == (len(rows[model]) > 7)


def test_records_are_awkward_in_the_ways_that_the_api_is(rows: dict[str, list[dict[str, Any]]]) -> None:
    ids = {model: {row["id"] for row in listed} for model, listed in rows.items()}
    employees = rows["hris_employees"]
    text = json.dumps(employees, ensure_ascii=False)

    assert ids["hris_employees"] & ids["hris_absences"] & ids["ats_candidates"], "equal ids across models"
    assert any(row["manager_id"] not in ids["hris_employees"] for row in employees if row["manager_id"])
    assert any(row["work_location_id"] and row["work_location"] is None for row in employees)
    assert any(
        row["reviewer"]["first_name"] is None
        and row["reviewer"]["remote_id"]
        and row["reviewer"]["id"] not in ids["hris_employees"]
        for row in rows["hris_performance_reviews"]
        if row["reviewer"]
    ), "a filtered-out reviewer keeps only ids"
    assert any(row["remote_deleted_at"] for row in employees)
    for awkward in ("ü", "'", "山", "א", "م", "👩", "Ł"):
        assert awkward in text, f"no name with {awkward}"
    assert any("work_email" not in row for row in employees)
    assert any("work_email" in row and row["work_email"] is None for row in employees)
    integers = [
        payload["id"] for row in rows["hris_timesheets"] for payload in (row["remote_data"] or {}).values()
    ]
    assert any(float(number) != number for number in integers), "integers that no float holds"
    assert any(len(row["description"] or "") > 20_000 for row in rows["ats_jobs"])
    assert 0.1 + 0.2 in {row["used"] for row in rows["hris_time_off_balances"]}
    assert len({row["changed_at"] for row in employees}) < len(employees), "equal timestamps"


@pytest.mark.parametrize(
    "shape", [SHAPE_OF_PATH[catalogue()[name].path] for name in DESCRIBED], ids=DESCRIBED
)
def test_the_table_of_relations_is_kombos(shape: dict[str, Any]) -> None:
    ours = {
        relation.path or relation.member: (relation.added_removed, relation.linked)
        for relation in RELATIONS.relations
        if relation.carrier == BY_HAND[shape["path"]]
    }
    for row in shape["updated_after_relations"] or []:
        theirs = (bool(row["added_removed_matches"]), bool(row["linked_record_matches"]))
        # Kombo's longer paths and the members that it does not show match on nothing.
        assert ours.get(row["path"], (False, False)) == theirs, row["path"]
    children = [each for each in RELATIONS.relations if each.how == "children"]
    assert all(each.added_removed == each.linked for each in children)
    told = {row["path"] for row in shape["updated_after_relations"] or []}
    assert [path for path, matches in ours.items() if any(matches) and path not in told] == []
