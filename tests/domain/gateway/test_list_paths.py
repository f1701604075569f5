"""Lists that the paths of requests lead to, however these are written."""

from __future__ import annotations

import pytest

from syncer.domain.added.spec import AddedList
from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.gateway.list_paths import list_at

SHIFTS = AddedList.configured("hris_shifts", "/hris/Shifts", (), paging=True, stated={})


def test_the_path_of_every_model_leads_to_its_list() -> None:
    for model in catalogue().values():
        assert list_at(model.path) is model


@pytest.mark.parametrize(
    "path",
    [
        "/hris/employees/",
        "/HRIS/Employees",
        "/hris/employee%73",
        "/%68ris/employee%2573",
        "/hris/employees;v=1",
        "/hris/employees%3Bv=1/",
        "/hris/employees%20",
    ],
)
def test_a_path_that_some_server_takes_for_a_list_leads_to_it(path: str) -> None:
    assert list_at(path) is catalogue()["hris_employees"]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/hris",
        "/employees",
        "/hris/employees/26vafvWSRmbhNcxJYqjCzuJg",
        "/hris/employees/form",
        "/passthrough/hris/employees",
        "/hris/shifts",
        "/ats/jobs/26v/applications",
    ],
)
def test_other_paths_lead_to_none(path: str) -> None:
    assert list_at(path) is None


def test_an_added_list_is_one_like_the_others() -> None:
    assert list_at("/hris/shifts/", [SHIFTS]) is SHIFTS
    assert list_at("/hris/groups", [SHIFTS]) is catalogue()["hris_groups"]
