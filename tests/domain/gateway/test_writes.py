"""Lists that a write through the gateway has changed, by its path."""

from __future__ import annotations

import pytest

from syncer.domain.added.spec import AddedList
from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.gateway.writes import written_lists

LISTS = {model.path: model for model in catalogue().values()}
ID = "26vafvWSRmbhNcxJYqjCzuJg"
#: The writes of Kombo's Python SDK 1.4.0 that are about records, and what comes of them.
WRITES = {
    "/ats/candidates": {"ats_candidates", "ats_applications"},
    f"/ats/candidates/{ID}/attachments": {"ats_candidates", "ats_attachments"},
    f"/ats/candidates/{ID}/result-links": {"ats_candidates", "ats_applications"},
    f"/ats/candidates/{ID}/tags": {"ats_candidates", "ats_tags"},
    f"/ats/applications/{ID}/attachments": {"ats_applications", "ats_attachments"},
    f"/ats/applications/{ID}/notes": {"ats_applications", "ats_notes"},
    f"/ats/applications/{ID}/reject": {"ats_applications"},
    f"/ats/applications/{ID}/result-links": {"ats_applications", "ats_candidates"},
    f"/ats/applications/{ID}/stage": {"ats_applications"},
    "/ats/import-tracked-application": {"ats_applications", "ats_candidates"},
    f"/ats/jobs/{ID}/applications": {"ats_jobs", "ats_applications", "ats_candidates"},
    "/hris/absences": {"hris_absences", "hris_time_off_balances"},
    f"/hris/absences/{ID}": {"hris_absences", "hris_time_off_balances"},
    "/hris/employees/form": {"hris_employees", "hris_employments"},
    f"/hris/employees/{ID}": {"hris_employees", "hris_employments"},
    f"/hris/employees/{ID}/": {"hris_employees", "hris_employments"},
    f"/hris/employees/{ID}/documents": set[str](),
    f"/assessment/orders/{ID}/result": {"assessment_orders"},
    "/assessment/packages": set[str](),
    "/passthrough/hibob/v1": set[str](),
    "/passthrough/hris/employees": set[str](),
    "/force-sync": set[str](),
    "/connect/create-link": set[str](),
    f"/integrations/personio:{ID}/enabled": set[str](),
    "/": set[str](),
}


@pytest.mark.parametrize("path", list(WRITES))
def test_a_write_is_of_the_lists_that_its_path_names_and_of_those_that_follow(path: str) -> None:
    assert written_lists(path, LISTS) == WRITES[path]


@pytest.mark.parametrize("model", list(catalogue().values()), ids=lambda model: model.name)
def test_a_write_to_a_list_is_one_of_its_model(model: object) -> None:
    assert model.name in written_lists(model.path, LISTS)  # type: ignore[attr-defined]


def test_a_write_to_an_added_list_is_one_of_it() -> None:
    shifts = AddedList.configured("hris_shifts", "/hris/shifts", (), paging=True, stated={})
    lists = {**LISTS, shifts.path: shifts}
    assert written_lists("/hris/shifts", lists) == {"hris_shifts"}
    assert written_lists(f"/hris/shifts/{ID}", lists) == {"hris_shifts"}
    assert written_lists("/hris/shifts", LISTS) == set[str]()
