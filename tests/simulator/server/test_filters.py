"""Every filter of every list, and the filters that all lists share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from syncer.domain.catalogue.lookup import catalogue
from syncer.simulator.clock import SimClock
from syncer.simulator.company.company import Company
from syncer.simulator.company.factories import FACTORIES, GENERIC
from syncer.simulator.server.environment import Environment
from syncer.simulator.server.paging import Paging, page_of
from syncer.simulator.server.query import meaning_of, read_query

Get = Callable[..., Awaitable[httpx.Response]]
Walk = Callable[..., Awaitable[list[dict[str, Any]]]]
Row = dict[str, Any]
INTEGRATION = "personio:8d1hpPsbjxUkoCoa1veLZGe5"
MOMENT = "2026-05-01T00:00:00.000Z"


@pytest.fixture(scope="module")
def clock() -> SimClock:
    return SimClock.frozen(datetime(2026, 6, 1, 12, tzinfo=UTC))


@pytest.fixture(scope="module")
def company(clock: SimClock) -> Company:
    """Large enough for every filter to leave some rows and not others; these tests only read."""
    return Company(INTEGRATION, clock, seed=7, records=3_000)


#: The value that a row suggests for a filter, None where it suggests none; whether a row fits a value.
Case = tuple[Callable[[Row], str | None], Callable[[Row, str], bool]]


def _member(member: str) -> Case:
    return lambda row: row.get(member), lambda row, value: bool(row.get(member) == value)


def _copy(member: str, part: str = "id") -> Case:
    def found(row: Row) -> str | None:
        text: str | None = (row[member] or {}).get(part)
        return text

    return found, lambda row, value: found(row) == value


def _name() -> Case:
    return (
        lambda row: (row["name"] or "")[1:4].upper() or None,
        lambda row, value: value.casefold() in (row["name"] or "").casefold(),
    )


def _after(member: str) -> Case:
    return lambda row: MOMENT, lambda row, value: bool((row[member] or "") > value)


def _before(member: str) -> Case:
    return lambda row: MOMENT, lambda row, value: bool((row[member] or "~") < value)


def _one_of(found: Callable[[Row], list[str | None]]) -> Case:
    return lambda row: next(filter(None, found(row)), None), lambda row, value: value in found(row)


_FROM: Case = (
    lambda row: MOMENT,
    lambda row, value: bool((row["end_date"] or row["start_date"] or "") >= value[:10]),
)
_UNTIL: Case = (lambda row: MOMENT, lambda row, value: bool((row["start_date"] or "~") <= value[:10]))
_ABOUT_CANDIDATES = {
    "candidate_ids": _member("candidate_id"),
    "application_ids": _member("application_id"),
}

CASES: dict[str, dict[str, Case]] = {
    "hris_employees": {
        "employment_status": _member("employment_status"),
        "employment_statuses": _member("employment_status"),
        "legal_entity_ids": _member("legal_entity_id"),
        "work_location_ids": _member("work_location_id"),
        "work_emails": _member("work_email"),
        "personal_emails": _member("personal_email"),
        "group_ids": _one_of(lambda row: [each["id"] for each in row["groups"]]),
        "custom_fields": (
            lambda row: '{"shirt_size": "M"}',
            lambda row, value: (row["custom_fields"] or {}).get("shirt_size") == "M",
        ),
    },
    "hris_groups": {"types": _member("type"), "name_contains": _name()},
    "hris_locations": {"name_contains": _name()},
    "hris_legal_entities": {"name_contains": _name()},
    "hris_skills": {"name_contains": _name()},
    "hris_time_off_balances": {"employee_id": _member("employee_id")},
    "hris_absences": {
        "employee_id": _member("employee_id"),
        "type_ids": _member("type_id"),
        "date_from": _FROM,
        "time_from": _FROM,
        "date_until": _UNTIL,
        "time_until": _UNTIL,
    },
    "hris_timesheets": {
        "employee_id": _member("employee_id"),
        "started_after": _after("started_at"),
        "started_before": _before("started_at"),
        "ended_after": _after("ended_at"),
        "ended_before": _before("ended_at"),
    },
    "hris_performance_reviews": {
        "types": _member("type"),
        "review_cycle_ids": _copy("review_cycle"),
        "reviewee_ids": _copy("reviewee"),
    },
    "hris_staffing_entities": {"model_types": _member("model_type"), "statuses": _member("status")},
    "hris_pay_runs": {"legal_entity_ids": _member("legal_entity_id")},
    "hris_payslips": {
        "legal_entity_ids": _copy("pay_run", "legal_entity_id"),
        "employee_ids": _copy("employee"),
        "payrun_ids": _copy("pay_run"),
    },
    "ats_applications": {
        "outcome": _member("outcome"),
        "outcomes": _member("outcome"),
        "job_ids": _member("job_id"),
        "job_remote_ids": _copy("job", "remote_id"),
        "current_stage_ids": _member("current_stage_id"),
        "remote_created_after": _after("remote_created_at"),
    },
    "ats_candidates": {
        "first_name": _member("first_name"),
        "last_name": _member("last_name"),
        "email": _one_of(lambda row: [each["email_address"] for each in row.get("email_addresses") or []]),
        "job_ids": _one_of(lambda row: [each["job"]["id"] for each in row["applications"] if each["job"]]),
    },
    "ats_jobs": {
        "job_codes": _member("job_code"),
        "post_url": _member("post_url"),
        "status": _member("status"),
        "statuses": _member("status"),
        "employment_types": _member("employment_type"),
        "visibilities": _member("visibility"),
        "remote_created_after": _after("remote_created_at"),
        "name_contains": _name(),
    },
    "ats_users": {"emails": _member("email")},
    "ats_roles": {"scopes": _member("scope")},
    "ats_notes": _ABOUT_CANDIDATES,
    "ats_scorecards": _ABOUT_CANDIDATES,
    "ats_attachments": _ABOUT_CANDIDATES,
    "lms_users": {"work_emails": _member("work_email")},
    "lms_course_progressions": {
        "user_ids": _member("user_id"),
        "course_ids": _one_of(lambda row: [((row["course_revision"] or {}).get("course") or {}).get("id")]),
    },
    "assessment_orders": {"statuses": _member("status")},
}
PAIRS = [(model, name) for model, filters in CASES.items() for name in filters]
BY_HAND = {("ats_interviews", "job_ids"), ("assessment_orders", "created_after")}


def test_every_filter_of_the_catalogue_is_applied_and_tested() -> None:
    filters = [(model, each) for model in catalogue().values() for each in model.filters]
    assert [(model.name, each.name) for model, each in filters if meaning_of(model, each) is None] == []
    wanted = {(model.name, each.name) for model, each in filters if model.name not in GENERIC}
    assert set(PAIRS) | BY_HAND == wanted


@pytest.mark.parametrize(("model", "name"), [pytest.param(*each, id=".".join(each)) for each in PAIRS])
async def test_a_filter_leaves_the_rows_that_fit(model: str, name: str, company: Company, walk: Walk) -> None:
    suggest, fits = CASES[model][name]
    rows = company.rows(model, include_deleted=False)
    choices = next(each.choices for each in catalogue()[model].filters if each.name == name)
    suggested = (suggest(row) for row in rows)
    value = next(each for each in suggested if each and (not choices or each in choices))
    expected = [row["id"] for row in rows if fits(row, value)]
    assert 0 < len(expected) < len(rows)
    assert [row["id"] for row in await walk(model, **{name: value})] == expected


async def test_interviews_are_found_by_the_job_of_their_application(company: Company, walk: Walk) -> None:
    jobs = {row["id"]: row["job_id"] for row in company.rows("ats_applications")}
    rows = company.rows("ats_interviews", include_deleted=False)
    job = next(jobs[row["application_id"]] for row in rows if jobs.get(row["application_id"]))
    found = await walk("ats_interviews", job_ids=job)
    assert [row["id"] for row in found] == [
        row["id"] for row in rows if row["application_id"] and jobs.get(row["application_id"]) == job
    ]


async def test_orders_are_found_by_the_time_they_were_made(company: Company, walk: Walk) -> None:
    made = [record.fields["_created_at"] for record in company.tables.of("assessment_orders").values()]
    found = await walk("assessment_orders", created_after=MOMENT)
    assert 0 < len(found) < len(made)
    assert len(found) == sum(each > 1_777_593_600_000 for each in made)


async def test_values_of_one_filter_are_alternatives_and_filters_together_all_hold(
    company: Company, walk: Walk
) -> None:
    rows = company.rows("hris_staffing_entities", include_deleted=False)
    found = await walk(
        "hris_staffing_entities", statuses="PENDING,FROZEN,OPEN_LIMITED,FILLED", model_types="JOB,POSITION"
    )
    assert [row["id"] for row in found] == [
        row["id"]
        for row in rows
        if row["status"] in ("PENDING", "FROZEN", "OPEN_LIMITED", "FILLED")
        and row["model_type"] in ("JOB", "POSITION")
    ]
    assert found


async def test_ids_and_remote_ids_pick_records(company: Company, walk: Walk) -> None:
    rows = company.rows("hris_employees", include_deleted=False)
    ids, remote_ids = [row["id"] for row in rows[:4]], [row["remote_id"] for row in rows[2:8]]
    found = await walk("hris_employees", ids=",".join([*ids, "nobody"]), remote_ids=",".join(remote_ids))
    assert [row["id"] for row in found] == ids[2:]
    assert [row["id"] for row in await walk("hris_skills", ids=company.ids("hris_skills")[1])] == [
        company.ids("hris_skills")[1]
    ]


async def test_an_anonymised_record_is_found_by_its_id_alone(clock: SimClock) -> None:
    company = Company(INTEGRATION, SimClock.frozen(clock.now()), records=200)
    id = company.ids("hris_groups")[0]
    remote_id, name = (company.row("hris_groups", id)[member] for member in ("remote_id", "name"))
    company.delete("hris_groups", id)
    company.clock.advance(timedelta(days=14))
    company.settle()
    model, tables = catalogue()["hris_groups"], company.tables
    for params, expected in (
        ({"ids": id}, True),
        ({"remote_ids": remote_id}, False),
        ({"ids": id, "name_contains": name}, False),
    ):
        query = read_query(model, {"include_deleted": "true", **params})
        page = page_of(tables, model.name, query, Paging())
        assert (id in [record.id for record in page.records]) is expected, params


async def test_a_deleted_application_does_not_lead_to_its_candidate(clock: SimClock) -> None:
    company = Company(INTEGRATION, clock, records=200)
    application = next(
        row
        for row in company.rows("ats_applications", include_deleted=False)
        if row["job"] and row["candidate"]
    )
    test, candidate = FACTORIES["ats_candidates"].filters["job_ids"], application["candidate_id"]
    record = company.tables.of("ats_candidates")[candidate]
    assert test(company.tables, record, {application["job_id"]})
    for each in company.tables.referring("ats_applications", "candidate_id", candidate):
        company.delete("ats_applications", each.id)
    assert not test(company.tables, record, {application["job_id"]})


async def test_deleted_records_are_hidden_unless_asked_for(company: Company, walk: Walk) -> None:
    hidden = {row["id"] for row in company.rows("hris_absences") if row["remote_deleted_at"]}
    shown = {row["id"] for row in await walk("hris_absences")}
    assert hidden
    assert shown.isdisjoint(hidden)
    assert {row["id"] for row in await walk("hris_absences", include_deleted="true")} == shown | hidden
    assert {row["id"] for row in await walk("hris_absences", include_deleted="false")} == shown
    assert await walk("hris_absences", ids=next(iter(hidden))) == []


async def test_an_unsupported_filter_leaves_nothing_unless_it_shall_be_ignored(
    environment: Environment, company: Company, walk: Walk
) -> None:
    environment.integrations[INTEGRATION].unsupported_filters = {("hris_groups", "types")}
    assert await walk("hris_groups", types="TEAM") == []
    found = await walk("hris_groups", types="TEAM", ignore_unsupported_filters="true")
    assert [row["id"] for row in found] == company.ids("hris_groups")
    assert await walk("hris_groups", name_contains="e") != []
