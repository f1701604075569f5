"""What the change feed tells of a record, by what it does to its row."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from syncer.domain.catalogue.lookup import model_named
from syncer.domain.feed.difference import FormerValues, former_values
from syncer.domain.feed.row_change import Operation, RowChange, row_change, swept
from syncer.domain.records.change import StoredRow, change
from syncer.domain.records.row import Row, project_text

GROUPS = model_named("hris_groups")
BEFORE = datetime(2026, 1, 9, 12, 30, 0, 250_000, tzinfo=UTC)
GONE = "2026-01-05T10:00:00.000Z"
ALIVE = {"id": "g", "name": "Sales", "changed_at": "2026-01-01T00:00:00.000Z", "remote_deleted_at": None}
DEAD = {**ALIVE, "remote_deleted_at": GONE}
SHELL = {**DEAD, "name": None, "changed_at": "2026-01-19T00:00:00.000Z"}


def row_of(record: dict[str, Any]) -> Row:
    row = project_text(GROUPS, json.dumps(record).encode())
    assert isinstance(row, Row)
    return row


def told(
    record: dict[str, Any], mirrored: dict[str, Any] | None, *, by_sweep: bool = False, keep: bool = False
) -> tuple[str, list[str] | None, dict[str, Any] | None] | None:
    """Operation, members and former values that follow from a record and the one that is mirrored."""
    row = row_of(record)
    stored, former = None, None
    if mirrored is not None:
        was = row_of(mirrored)
        marked_by = "sweep" if by_sweep else "kombo" if was.deleted_at else None
        stored = StoredRow(was.content_hash, BEFORE if by_sweep else was.deleted_at, marked_by, BEFORE)
        former = former_values(row.document.encode(), was.document.encode()) or None
    found = row_change(row, change(row, stored), stored, former, keep_anonymised=keep)
    if found is None:
        return None
    members = None if found.members is None else json.loads(found.members)
    return found.operation.value, members, None if found.before is None else json.loads(found.before)


@pytest.mark.parametrize(
    ("record", "mirrored", "expected"),
    [
        pytest.param(ALIVE, None, ("created", None, None), id="new"),
        pytest.param(SHELL, None, ("created", None, None), id="new and blank"),
        pytest.param(ALIVE, ALIVE, None, id="the same"),
        pytest.param(
            {**ALIVE, "name": "Marketing"}, ALIVE, ("updated", ["name"], {"name": "Sales"}), id="renamed"
        ),
        pytest.param({**ALIVE, "new": 1}, ALIVE, ("updated", ["new"], {}), id="with a new member"),
        pytest.param(
            DEAD, ALIVE, ("deleted", ["remote_deleted_at"], {"remote_deleted_at": None}), id="deleted"
        ),
        pytest.param(
            ALIVE, DEAD, ("restored", ["remote_deleted_at"], {"remote_deleted_at": GONE}), id="restored"
        ),
        pytest.param(SHELL, DEAD, ("erased", ["name", "changed_at"], None), id="blanked"),
        pytest.param(
            SHELL, ALIVE, ("erased", ["name", "changed_at", "remote_deleted_at"], None), id="blanked at once"
        ),
        pytest.param(
            {**SHELL, "changed_at": GONE},
            SHELL,
            ("updated", ["changed_at"], {"changed_at": SHELL["changed_at"]}),
            id="blank before",
        ),
    ],
)
def test_each_effect_is_told_with_the_members_that_changed(
    record: dict[str, Any], mirrored: dict[str, Any] | None, expected: object
) -> None:
    assert told(record, mirrored) == expected


def test_the_mark_of_a_sweep_is_told_as_the_member_that_says_so() -> None:
    assert (swept("g").operation, swept("g").members) == (Operation.DELETED, '["remote_deleted_at"]')
    mark = {"remote_deleted_at": "2026-01-09T12:30:00.250Z"}
    assert told(ALIVE, ALIVE, by_sweep=True) == ("restored", ["remote_deleted_at"], mark)
    assert told({**ALIVE, "name": "M"}, ALIVE, by_sweep=True) == (
        "restored",
        ["name", "remote_deleted_at"],
        {"name": "Sales", **mark},
    )
    assert told(DEAD, ALIVE, by_sweep=True) == ("updated", ["remote_deleted_at"], mark)


def test_of_a_blanked_record_whose_row_keeps_its_values_only_the_deletion_is_told() -> None:
    assert told(SHELL, ALIVE, keep=True) == (
        "deleted",
        ["changed_at", "remote_deleted_at"],
        {"changed_at": ALIVE["changed_at"], "remote_deleted_at": None},
    )
    assert told({**SHELL, "changed_at": DEAD["changed_at"]}, DEAD, keep=True) is None


def test_a_difference_in_what_is_excluded_alone_is_not_told() -> None:
    row = row_of({**ALIVE, "name": "Marketing"})
    stored = StoredRow(b"another", None, None, BEFORE)
    assert row_change(row, change(row, stored), stored, None) is None


def test_a_record_that_only_moved_is_told_without_members() -> None:
    row = row_of(ALIVE)
    stored = StoredRow(b"another", None, None, BEFORE)
    nothing: FormerValues = {}
    assert row_change(row, change(row, stored), stored, nothing) == RowChange("g", Operation.UPDATED, {})
