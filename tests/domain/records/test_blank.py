"""A blanked record's copies inside others say what its own shell says, and nothing else changes."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from syncer.domain.records.blank import blank_copies

SOMEBODY: dict[str, Any] = {"id": "e1", "remote_id": "7", "first_name": "Ann", "ssn": None}
SHELL = {"id": "e1", "remote_id": "7", "ssn": None}
ELSE = {"id": "e2", "first_name": "Ben"}


@pytest.mark.parametrize(
    ("table", "blanked", "record", "expected"),
    [
        ("hris_employees", "hris_employees", {"manager": SOMEBODY}, {"manager": SHELL}),
        ("hris_employees", "hris_employees", {"manager": ELSE}, {"manager": ELSE}),
        (
            "hris_payslips",
            "hris_employees",
            {"employee": SOMEBODY, "id": "e1"},
            {"employee": SHELL, "id": "e1"},
        ),
        # Another record of the same id is none of its copies.
        ("hris_payslips", "hris_employees", {"pay_run": SOMEBODY}, {"pay_run": SOMEBODY}),
        ("hris_payslips", "hris_employees", {"brand_new": [[SOMEBODY]]}, {"brand_new": [[SHELL]]}),
        (
            "ats_offers",
            "ats_candidates",
            {"application": {"id": "a", "candidate": SOMEBODY, "twin": {"of": SOMEBODY}}},
            {"application": {"id": "a", "candidate": SHELL, "twin": {"of": SHELL}}},
        ),
        (
            "hris_locations",
            "hris_employees",
            {"remote_data": {"/people": [SOMEBODY, ELSE]}},
            {"remote_data": {"/people": [SHELL, ELSE]}},
        ),
    ],
)
def test_copies_become_shells_wherever_they_stand(
    table: str, blanked: str, record: dict[str, Any], expected: dict[str, Any]
) -> None:
    copied = copy.deepcopy(record)
    assert blank_copies(table, copied, blanked, {"e1"}) is (record != expected)
    assert copied == expected
    assert blank_copies(table, copied, blanked, {"e1"}) is False
