"""Copies inside a record say what their own rows say, in the members that they have."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.gateway.copy_places import copied_tables, copy_finder
from syncer.domain.gateway.copy_refresh import marked_deleted, refresh_copies

Record = dict[str, Any]


def found(model: str, record: object, *tables: str) -> list[tuple[str, str]]:
    finder = copy_finder(model, frozenset(tables or copied_tables(model)))
    ids = defaultdict[str, set[str]](set)
    if finder is not None:
        finder.find(json.dumps(record).encode(), ids)
    return sorted((table, each) for table, some in ids.items() for each in some)


EMPLOYEE: Record = {
    "id": "e",
    "first_name": "Ada",
    "manager": {"id": "m", "first_name": "Bea"},
    "groups": [{"id": "g", "name": "Old", "type": None}, {"id": "h", "name": "Other"}],
    "teams": [{"id": "g", "name": "Old"}],
    "work_location": None,
    "time_off_balances": [{"id": "b", "used": 1, "type": {"id": "t", "name": "Holiday"}}],
    "custom_fields": {"groups": [{"id": "g", "name": "Old"}]},
}


def employee() -> Record:
    copy: Record = json.loads(json.dumps(EMPLOYEE))
    return copy


def test_copies_are_found_where_the_catalogue_says_that_they_are() -> None:
    assert found("hris_employees", EMPLOYEE) == [
        ("hris_absence_types", "t"),
        ("hris_employees", "m"),
        ("hris_groups", "g"),
        ("hris_groups", "h"),
        ("hris_time_off_balances", "b"),
    ]
    assert found("hris_employees", EMPLOYEE, "hris_absence_types") == [("hris_absence_types", "t")]
    assert found("hris_groups", EMPLOYEE) == []


@pytest.mark.parametrize(
    "record", [{"id": 1}, {"groups": "g"}, {"groups": [1]}, {"manager": {"id": 7}}, [], "x", {"groups": None}]
)
def test_in_a_record_of_another_form_nothing_is_found(record: object) -> None:
    assert found("hris_employees", record) == []


def test_entries_without_an_id_and_holes_in_a_list_are_passed_over() -> None:
    assert found("hris_employees", {"groups": [None, {"name": "x"}, {"id": "g"}]}) == [("hris_groups", "g")]


def test_every_table_that_the_catalogue_copies_is_found_in_its_carrier() -> None:
    for model in catalogue().values():
        for table in copied_tables(model.name):
            assert copy_finder(model.name, frozenset({table})) is not None


def test_a_copy_takes_the_values_of_its_row_and_no_other_member() -> None:
    record = employee()
    row = {"id": "g", "name": "New", "type": "TEAM", "remote_data": {"secret": 1}}
    assert refresh_copies("hris_employees", record, {("hris_groups", "g"): row}) == (True, set())
    assert record["groups"] == [{"id": "g", "name": "New", "type": "TEAM"}, {"id": "h", "name": "Other"}]
    assert record["teams"] == [{"id": "g", "name": "New"}]
    # What is the customer's own is nobody's copy, whatever it looks like.
    assert {**record, "groups": None, "teams": None} == {**EMPLOYEE, "groups": None, "teams": None}


def test_a_copy_inside_a_copy_takes_the_values_of_its_row() -> None:
    record = employee()
    rows = {("hris_absence_types", "t"): {"id": "t", "name": "Leave"}}
    assert refresh_copies("hris_employees", record, rows)[0]
    assert record["time_off_balances"] == [{"id": "b", "used": 1, "type": {"id": "t", "name": "Leave"}}]


def test_where_nothing_differs_nothing_is_another() -> None:
    record = employee()
    rows: dict[tuple[str, str], Record] = {
        ("hris_groups", "g"): {"name": "Old", "id": "g"},
        ("hris_absence_types", "t"): {"id": "t", "name": "Holiday", "unit": "DAYS"},
    }
    assert refresh_copies("hris_employees", record, rows) == (False, set())
    assert record == EMPLOYEE


def test_a_copy_of_a_copy_follows_the_copied_record_to_another_one() -> None:
    record = employee()
    balance = {"id": "b", "used": 1, "type": {"id": "u", "name": "Sick", "unit": "DAYS"}}
    rows = {("hris_time_off_balances", "b"): balance}
    assert refresh_copies("hris_employees", record, rows) == (True, {("hris_absence_types", "u")})
    assert record["time_off_balances"][0]["type"] == {"id": "u", "name": "Sick"}


def test_a_list_inside_a_copy_has_the_entries_of_the_copied_record() -> None:
    tags = [{"id": "x", "name": "X"}, {"id": "y", "name": "Y"}]
    application = {"id": "a", "candidate": {"id": "c", "first_name": "Ada", "tags": tags}}
    candidate = {
        "id": "c",
        "first_name": "Ada",
        "tags": [{"id": "z", "name": "Z", "remote_id": 1}, {"id": "y", "name": "older", "remote_id": 2}],
    }
    _, new = refresh_copies("ats_applications", application, {("ats_candidates", "c"): candidate})
    assert application["candidate"] == {
        "id": "c",
        "first_name": "Ada",
        "tags": [{"id": "z", "name": "Z"}, {"id": "y", "name": "Y"}],
    }
    assert new == {("ats_tags", "z")}


def test_the_entries_of_a_list_are_those_that_its_carrier_has() -> None:
    record = employee()
    manager = {"id": "m", "first_name": "Bea", "groups": [{"id": "k"}]}
    assert refresh_copies("hris_employees", record, {("hris_employees", "m"): manager}) == (False, set())
    assert record["groups"] == EMPLOYEE["groups"]


def test_what_a_row_does_not_have_any_more_the_copy_says_to_be_null() -> None:
    record = employee()
    record["groups"][0]["tier"] = 3
    assert refresh_copies("hris_employees", record, {("hris_groups", "g"): {"id": "g", "type": "TEAM"}})[0]
    assert record["groups"][0] == {"id": "g", "name": None, "type": "TEAM", "tier": 3}


def test_what_a_carrier_says_of_an_entry_stays() -> None:
    job = {"id": "j", "stages": [{"id": "s", "name": "Old", "index": 2}]}
    row = {"id": "s", "name": "New", "index": 9}
    assert refresh_copies("ats_jobs", job, {("ats_application_stages", "s"): row})[0]
    assert job["stages"] == [{"id": "s", "name": "New", "index": 2}]


def test_a_record_that_a_sweep_marked_says_when() -> None:
    moment = datetime(2026, 3, 1, 13, 0, 0, 123_999, tzinfo=timezone(timedelta(hours=1)))
    record: Record = {"id": "e", "remote_deleted_at": None}
    assert marked_deleted(record, moment)
    assert record["remote_deleted_at"] == "2026-03-01T12:00:00.123Z"
    assert not marked_deleted(record, datetime.now(UTC))
    assert not marked_deleted({"id": "e", "remote_deleted_at": None}, None)
