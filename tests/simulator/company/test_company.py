"""What can happen to the records of a made-up company."""

from __future__ import annotations

import json
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from syncer.domain.catalogue.lookup import catalogue
from syncer.simulator.clock import SimClock
from syncer.simulator.company.company import Company, Erasure
from syncer.simulator.company.ids import iso, kombo_id, to_ms
from syncer.simulator.company.sizes import sizes
from syncer.simulator.life.random_change import random_change

INTEGRATION = "personio:8d1hpPsbjxUkoCoa1veLZGe5"


def _everything(company: Company) -> str:
    return json.dumps({model: company.rows(model) for model in catalogue()})


def test_the_same_seed_and_the_same_changes_give_the_same_bytes(clock: SimClock) -> None:
    def lived() -> str:
        here = SimClock.frozen(clock.now())
        company, rng = Company(INTEGRATION, here, seed=5, records=400), Random(9)
        for _ in range(300):
            here.advance(timedelta(minutes=7))
            random_change(company, rng)
        return _everything(company)

    assert lived() == lived()


def test_another_seed_or_integration_gives_other_records(clock: SimClock) -> None:
    one = Company(INTEGRATION, clock, seed=1, records=400)
    assert one.rows("hris_groups") != Company(INTEGRATION, clock, seed=2, records=400).rows("hris_groups")
    other = Company("hibob:8d1hpPsbjxUkoCoa1veLZGe5", clock, seed=1, records=400)
    assert set(one.ids("hris_groups")).isdisjoint(other.ids("hris_groups"))


@pytest.mark.parametrize("records", [170, 400, 3_000])
def test_a_company_has_as_many_records_as_asked_for(clock: SimClock, records: int) -> None:
    company = Company(INTEGRATION, clock, records=records)
    assert company.count() == records == sum(sizes(records).values())
    assert all(company.ids(model) for model in catalogue())


def test_large_companies_are_exact_too() -> None:
    assert sum(sizes(100_000).values()) == 100_000


def test_a_new_record_is_listed_at_its_place(company: Company) -> None:
    before = company.ids("hris_groups")
    added = [company.add("hris_groups", {"name": name}, remote_id=name) for name in ("x", "y", "z")]
    assert company.ids("hris_groups") == sorted([*before, *added])
    assert company.row("hris_groups", added[0])["remote_id"] == "x"


def test_a_kombo_id_has_24_characters_and_follows_from_integration_and_remote_id_alone(
    company: Company,
) -> None:
    assert company.add("hris_groups", {"name": "A"}, remote_id="x") == kombo_id(INTEGRATION, "x")
    assert company.add("ats_tags", {"name": "B"}, remote_id="x") == kombo_id(INTEGRATION, "x")
    assert len(kombo_id(INTEGRATION, "x")) == 24
    with pytest.raises(ValueError, match="already"):
        company.add("ats_tags", {"name": "C"}, remote_id="x")


def test_ids_are_unique_within_a_model(company: Company) -> None:
    for model in catalogue():
        ids = [row["id"] for row in company.rows(model)]
        assert ids == sorted(set(ids)), model


def test_a_deleted_record_keeps_its_members_and_says_when(company: Company, clock: SimClock) -> None:
    id = company.ids("hris_employees")[0]
    before = company.row("hris_employees", id)
    clock.advance(timedelta(minutes=1))
    company.delete("hris_employees", id)
    now = iso(to_ms(clock.now()))
    assert company.row("hris_employees", id) == before | {"remote_deleted_at": now, "changed_at": now}
    assert id not in company.ids("hris_employees")
    assert id in company.ids("hris_employees", include_deleted=True)


def test_a_record_that_comes_back_has_its_id_and_its_members(company: Company, clock: SimClock) -> None:
    id = company.ids("ats_tags")[0]
    before = company.row("ats_tags", id)
    company.delete("ats_tags", id)
    clock.advance(timedelta(days=30))
    assert company.row("ats_tags", id)["name"] is None
    company.restore("ats_tags", id)
    assert company.row("ats_tags", id) == before | {"changed_at": iso(to_ms(clock.now()))}


@pytest.mark.parametrize("model", ["hris_employees", "hris_timesheets", "ats_jobs"])
def test_a_deleted_record_is_blanked_after_14_days(model: str, company: Company, clock: SimClock) -> None:
    id = company.ids(model)[0]
    company.delete(model, id)
    before = company.row(model, id)
    clock.advance(timedelta(days=14))
    after = company.row(model, id)
    kept = ("id", "changed_at", "remote_deleted_at")
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert set(after) == set(before)
    assert [name for name, value in after.items() if value is not None and name not in kept] == []


def test_nothing_is_blanked_a_moment_earlier(company: Company, clock: SimClock) -> None:
    id = company.ids("hris_timesheets")[0]
    company.delete("hris_timesheets", id)
    before = company.row("hris_timesheets", id)
    clock.advance(timedelta(days=14) - timedelta(milliseconds=1))
    assert company.row("hris_timesheets", id) == before


def test_copies_of_an_anonymised_record_are_blank_too(company: Company, clock: SimClock) -> None:
    review = next(row for row in company.rows("hris_performance_reviews") if row["reviewee"]["first_name"])
    company.delete("hris_employees", review["reviewee"]["id"])
    clock.advance(timedelta(days=14))
    copy = company.row("hris_performance_reviews", review["id"])["reviewee"]
    assert copy == dict.fromkeys(review["reviewee"]) | {"id": review["reviewee"]["id"]}


def test_a_record_deleted_again_after_it_came_back_has_14_days_again(
    company: Company, clock: SimClock
) -> None:
    id = company.ids("ats_tags")[0]
    company.delete("ats_tags", id)
    clock.advance(timedelta(days=10))
    company.restore("ats_tags", id)
    company.delete("ats_tags", id)
    clock.advance(timedelta(days=10))
    assert company.row("ats_tags", id)["name"] is not None
    clock.advance(timedelta(days=4))
    assert company.row("ats_tags", id)["name"] is None


def test_erasure_can_end_the_listing_instead(clock: SimClock) -> None:
    company = Company(INTEGRATION, clock, records=400, erasure=Erasure(mode="remove"))
    id = company.ids("ats_tags")[0]
    company.delete("ats_tags", id)
    clock.advance(timedelta(days=14))
    assert id not in [row["id"] for row in company.rows("ats_tags")]
    with pytest.raises(KeyError, match="ats_tags has no record"):
        company.row("ats_tags", id)


def test_erasure_can_move_changed_at(clock: SimClock) -> None:
    company = Company(
        INTEGRATION, clock, records=400, erasure=Erasure(timedelta(days=1), moves_changed_at=True)
    )
    id = company.ids("ats_tags")[0]
    company.delete("ats_tags", id)
    clock.advance(timedelta(days=3))
    row = company.row("ats_tags", id)
    assert row["name"] is None
    assert row["changed_at"] == iso(to_ms(clock.now() - timedelta(days=2)))


def test_a_vanished_record_leaves_no_tombstone_and_no_trace_in_copies(company: Company) -> None:
    employee = next(row for row in company.rows("hris_employees") if row["work_location"])
    company.vanish("hris_locations", employee["work_location_id"])
    assert employee["work_location_id"] not in [row["id"] for row in company.rows("hris_locations")]
    after = company.row("hris_employees", employee["id"])
    assert after == employee | {"work_location": None}
    company.restore("hris_locations", employee["work_location_id"])
    assert company.row("hris_employees", employee["id"])["work_location"]["name"] is not None


def test_a_deleted_child_stays_in_its_parent_where_its_copy_can_say_so(company: Company) -> None:
    employment = company.rows("hris_employments", include_deleted=False)[0]
    company.delete("hris_employments", employment["id"])
    parent = company.row("hris_employees", employment["employee_id"])
    copy = next(each for each in parent["employments"] if each["id"] == employment["id"])
    assert copy["remote_deleted_at"] is not None

    interview = next(
        row for row in company.rows("ats_interviews", include_deleted=False) if row["application"]
    )
    company.delete("ats_interviews", interview["id"])
    application = company.row("ats_applications", interview["application_id"])
    assert interview["id"] not in [each["id"] for each in application["interviews"]]


def test_a_scope_switched_off_nulls_a_member_or_deletes_a_list(company: Company) -> None:
    company.switch_off("hris_employees", "ssn")
    assert {row["ssn"] for row in company.rows("hris_employees", include_deleted=False)} == {None}
    company.switch_off("ats_tags")
    assert all(row["remote_deleted_at"] for row in company.rows("ats_tags"))


def test_a_changed_link_keeps_what_belongs_to_the_pair(company: Company) -> None:
    job = next(row for row in company.rows("ats_jobs") if row["remote_deleted_at"] is None)
    team = {member["id"] for member in job["hiring_team"]}
    user = next(id for id in company.ids("ats_users") if id not in team)
    role = company.roles("JOB")[0]
    company.link("ats_jobs", job["id"], "hiring_team", user, hiring_team_roles=["SOURCER"], job_roles=[role])
    added = company.row("ats_jobs", job["id"])["hiring_team"][-1]
    assert (added["id"], added["hiring_team_roles"]) == (user, ["SOURCER"])
    company.update("ats_roles", role, remote_label="Neu")
    assert company.row("ats_jobs", job["id"])["hiring_team"][-1]["job_roles"][0]["remote_label"] == "Neu"
    company.unlink("ats_jobs", job["id"], "hiring_team", user)
    assert user not in [member["id"] for member in company.row("ats_jobs", job["id"])["hiring_team"]]


def test_a_role_that_two_members_of_a_team_have_stays_when_one_goes(company: Company) -> None:
    job, role = company.ids("ats_jobs")[0], company.roles("JOB")[0]
    one, two = company.ids("ats_users")[:2]
    for user in (one, two):
        company.link("ats_jobs", job, "hiring_team", user, hiring_team_roles=[], job_roles=[role])
    company.unlink("ats_jobs", job, "hiring_team", one)
    company.row("ats_jobs", job)
    company.update("ats_roles", role, remote_label="Neu")
    team = {each["id"]: each for each in company.row("ats_jobs", job)["hiring_team"]}
    assert [each["remote_label"] for each in team[two]["job_roles"]] == ["Neu"]


def test_what_is_shown_is_always_what_a_fresh_rendering_would_show(clock: SimClock) -> None:
    """The rendered records are kept; whatever happens, none of them may be out of date."""
    company, rng = Company(INTEGRATION, clock, records=400), Random(3)
    for _ in range(15):
        for _ in range(40):
            clock.advance(timedelta(hours=3))
            random_change(company, rng)
        kept = _everything(company)
        for model in catalogue():
            for record in company.tables.of(model).values():
                record.json = None
        assert _everything(company) == kept


def test_text_that_no_database_likes_is_served_all_the_same(company: Company) -> None:
    id = company.ids("hris_groups")[0]
    awkward: dict[str, Any] = {"nul": "a\x00b", "surrogate": "a\ud800b", "large": 2**70}
    for value in awkward.values():
        company.update("hris_groups", id, name=value)
        assert company.row("hris_groups", id)["name"] == value
