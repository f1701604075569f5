"""A record and its row: which differences they show, and which of them are certain."""

from __future__ import annotations

import json
from typing import Any

import pytest

from syncer.domain.records.record import Poison, Record, text_hash
from syncer.domain.verification.compare import Comparison, MirroredRecord, compare, same_text
from syncer.domain.verification.difference import Difference

MODEL = "hris_employees"
DELETED_AT = "2026-03-01T12:00:00.000Z"
GROUP = {"id": "g1", "name": "Support", "type": "TEAM"}
WHOLE = {
    "id": "e1",
    "remote_deleted_at": None,
    "first_name": "Ada",
    "groups": [GROUP],
    "manager": {"id": "m"},
}
SHELL: dict[str, Any] = {
    "id": "e1",
    "remote_deleted_at": DELETED_AT,
    "first_name": None,
    "groups": [],
    "manager": None,
}


def record(**members: Any) -> Record:
    text = json.dumps({**WHOLE, **members}).encode()
    return Record("e1", None, text_hash(text), text)


def row(*, follows: bool = True, is_deleted: bool = False, **members: Any) -> MirroredRecord:
    text = json.dumps({**WHOLE, **members}).encode()
    return MirroredRecord(text, text_hash(text), is_deleted, follows)


def compared(record: Record | Poison | None, row: MirroredRecord | None) -> Comparison:
    return compare(MODEL, record, row)


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ('{"a": 1, "b": [1.50]}', '{"b":[1.5],"a":1.0}', True),
        ('{"a": 1e2}', '{"a": 100}', True),
        ('{"a": -0}', '{"a": 0}', True),
        ('{"a": 9007199254740993}', '{"a": 9007199254740992}', False),
        ('{"a": true}', '{"a": 1}', False),
        ('{"a": null}', "{}", False),
        ('{"a": "1"}', '{"a": 1}', False),
        ('{"a": [1, 2]}', '{"a": [2, 1]}', False),
        ('{"a": [1]}', '{"a": [1, 1]}', False),
        ('{"a": "\\u00e9"}', '{"a": "é"}', True),
        ('{"a": ', '{"a": ', True),
        ("[" * 5000 + "]" * 5000, "[" * 5000 + " " + "]" * 5000, False),
    ],
)
def test_values_are_compared_as_a_database_keeps_them(one: str, other: str, is_same: bool) -> None:
    assert same_text(one.encode(), other.encode()) is is_same


@pytest.mark.parametrize(
    ("source", "mirror", "open_", "certain"),
    [
        (record(), row(), set(), set()),
        (record(), row(follows=False), set(), {"projected"}),
        (record(), None, {"missing"}, set()),
        (None, row(), {"extra"}, set()),
        (None, row(follows=False), {"extra"}, {"projected"}),
        (None, row(is_deleted=True), set(), set()),
        (None, None, set(), set()),
        (record(first_name="Eda"), row(), {"different"}, set()),
        (record(first_name="Eda"), row(follows=False), {"different"}, {"projected"}),
        (record(remote_deleted_at=DELETED_AT), row(), {"deleted"}, set()),
        (record(), row(is_deleted=True), {"deleted"}, set()),
        (record(remote_deleted_at=DELETED_AT), row(is_deleted=True), {"different"}, set()),
        # No row can say so.
        (record(remote_deleted_at="yesterday"), row(remote_deleted_at="yesterday"), set(), set()),
        (Poison("e1", "holds a NUL character", "{}"), row(), {"different"}, set()),
        (Poison("e1", "holds a NUL character", "{}"), None, {"missing"}, set()),
    ],
)
def test_each_difference_shows(
    source: Record | Poison | None, mirror: MirroredRecord | None, open_: set[str], certain: set[str]
) -> None:
    found = compared(source, mirror)
    assert found.open == {Difference(each) for each in open_}
    assert found.certain == {Difference(each) for each in certain}


def test_a_document_that_is_not_that_of_its_own_hash_is_certainly_another() -> None:
    source = record()
    changed = row(groups=[])._replace(content_hash=source.content_hash)
    found = compared(source, changed)
    assert not found.open
    assert found.certain == {Difference.DIFFERENT}


@pytest.mark.parametrize(
    ("members", "only_copies"),
    [
        ({"groups": [{**GROUP, "name": "Help"}]}, True),
        ({"groups": [{"id": "g1"}]}, True),
        ({"manager": None}, True),
        ({"groups": [GROUP, {"id": "g2", "remote_deleted_at": DELETED_AT}]}, True),
        ({"groups": []}, False),
        ({"groups": [{**GROUP, "id": "g2"}]}, False),
        ({"groups": [GROUP, {"id": "g2"}]}, False),
        ({"first_name": "Eda", "groups": [{**GROUP, "name": "Help"}]}, False),
        ({"custom_fields": {"groups": [GROUP]}}, False),
    ],
)
def test_copies_of_other_records_are_told_from_what_is_the_record_s_own(
    members: dict[str, Any], only_copies: bool
) -> None:
    found = compared(record(**members), row())
    assert found.open == {Difference.DIFFERENT}
    assert found.only_copies is only_copies


def test_a_blanked_record_whose_row_has_its_last_values_is_no_difference() -> None:
    shell = record(**SHELL)
    assert compared(shell, row(is_deleted=True)) == Comparison(is_kept=True)
    assert compared(shell, row(is_deleted=True, **SHELL)) == Comparison()
    # It is to be known to be deleted all the same.
    assert compared(shell, row()).open == {Difference.DELETED}
    # And what is not blanked yet is compared.
    deleted = record(remote_deleted_at=DELETED_AT)
    assert compared(deleted, row(is_deleted=True, first_name="Eda")).open == {Difference.DIFFERENT}
