"""Records of added lists as rows: columns, deletions, exclusions."""

from __future__ import annotations

import json
from typing import Any

from syncer.domain.added.rows import (
    added_exclusions,
    added_projection,
    project_added,
    read_stored_added,
)
from syncer.domain.added.spec import AddedList
from syncer.domain.catalogue.model import Column
from syncer.domain.records.exclusions import Exclusion, exclusions
from syncer.domain.records.record import Record, read_record
from syncer.domain.records.row import Row

SHIFTS = AddedList.configured(
    "hris_shifts",
    "/hris/shifts",
    (Column("hours", "number", ""), Column("who", "text", "", path=("employee.remote_id",))),
    paging=True,
    stated={},
)
SHIFT: dict[str, Any] = {
    "id": "s1",
    "remote_id": "77",
    "changed_at": "2026-01-02T03:04:05.678Z",
    "remote_deleted_at": None,
    "hours": 7.5,
    "employee": {"id": "e1", "remote_id": "e-1", "ssn": "555"},
}


def record(every: frozenset[Exclusion] = frozenset(), **members: Any) -> Record:
    found = read_record(json.dumps({**SHIFT, **members}).encode(), added_exclusions(SHIFTS, every))
    assert isinstance(found, Record)
    return found


def row(**members: Any) -> Row:
    found = project_added(SHIFTS, record(**members))
    assert isinstance(found, Row)
    return found


def columns(found: Row) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(found.values["columns"])
    return decoded


def test_a_record_is_a_row_with_typed_columns_and_its_deletion() -> None:
    found = row()
    assert (found.id, found.deleted_at, found.values["remote_deleted_at"]) == ("s1", None, None)
    assert columns(found) == {
        "remote_id": "77",
        "changed_at": "2026-01-02T03:04:05.678000Z",
        "hours": 7.5,
        "who": "e-1",
    }
    deleted = row(remote_deleted_at="2026-02-03T00:00:00.000Z")
    assert deleted.deleted_at is not None
    assert deleted.values["remote_deleted_at"] == deleted.deleted_at
    assert not deleted.is_shell


def test_a_deleted_record_without_anything_is_a_shell() -> None:
    assert row(remote_deleted_at="2026-02-03T00:00:00.000Z", hours=None, employee=None).is_shell


def test_what_does_not_fit_is_null_and_noted() -> None:
    found = row(hours="many", remote_deleted_at="yesterday")
    assert columns(found)["hours"] is None
    assert {note.partition(":")[0] for note in found.notes} == {"hours", "remote_deleted_at"}
    assert found.deleted_at is None


def test_what_is_excluded_of_the_family_leaves_the_copies_inside() -> None:
    every = exclusions(["hris_employees.ssn", "hris_shifts.hours"], ["hris_shifts"])
    assert b"555" not in record(every).text
    assert b"hours" not in record(every).text
    assert b"e-1" in record(every).text
    # Of another family nothing is meant.
    assert b"555" in record(exclusions(["ats_candidates.email_addresses"], ["hris_shifts"])).text


def test_a_stored_record_loses_what_is_excluded_since() -> None:
    every = exclusions(["hris_employees.ssn"], ["hris_shifts"])
    excluded = added_exclusions(SHIFTS, every)
    assert excluded is not None
    before = record()
    after = read_stored_added(before, excluded)
    assert b"555" not in after.text
    assert after.content_hash == record(every).content_hash != before.content_hash


def test_other_columns_and_other_exclusions_are_another_projection() -> None:
    others = AddedList.configured("hris_shifts", "/hris/shifts", (), paging=True, stated={})
    every = exclusions(["hris_employees.ssn"], ["hris_shifts"])
    found = {
        added_projection(each, given).fingerprint
        for each in (SHIFTS, others)
        for given in (frozenset(), every)
    }
    assert len(found) == 4
