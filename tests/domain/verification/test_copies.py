"""What is left of a record without the copies of others."""

from __future__ import annotations

from typing import Any

from syncer.domain.verification.copies import leave_out_copies

DELETED_AT = "2026-03-01T12:00:00.000Z"


def own(model: str, record: dict[str, Any]) -> dict[str, Any]:
    leave_out_copies(model, record)
    return record


def test_children_that_a_record_owns_are_its_own_as_long_as_they_live() -> None:
    skill = {"skill": {"id": "s1", "name": "First aid"}}
    revision = {"id": "r1", "title": "Safety", "remote_deleted_at": None, "skill_assignments": [skill]}
    gone = {"id": "r2", "title": "Safety, old", "remote_deleted_at": DELETED_AT}
    course = {"id": "c1", "provider": {"id": "p1", "name": "School"}, "revisions": [revision, gone]}
    assert own("lms_courses", course) == {
        "id": "c1",
        "provider": None,
        "revisions": [{**revision, "skill_assignments": None}],
    }


def test_of_a_list_of_copies_the_ids_are_left_and_what_the_carrier_says_of_each() -> None:
    users = [
        {"id": "u2", "first_name": "Ada", "hiring_team_roles": ["RECRUITER"]},
        {"id": "u1", "first_name": "Eda", "hiring_team_roles": ["HIRING_MANAGER"]},
    ]
    job = own("ats_jobs", {"id": "j1", "name": "Cook", "hiring_team": users, "stages": None})
    assert [each["id"] for each in job["hiring_team"]] == ["u1", "u2"]
    assert all("first_name" not in each for each in job["hiring_team"])
    assert job["hiring_team"][1]["hiring_team_roles"] == ["RECRUITER"]
    assert (job["name"], job["stages"]) == ("Cook", None)


def test_what_is_not_as_the_catalogue_says_stays_as_it_is() -> None:
    values: list[Any] = [None, 1, "text", [1, None], {}]
    for value in values:
        assert own("hris_employees", {"id": "e1", "groups": value, "extra": value})["extra"] == value
