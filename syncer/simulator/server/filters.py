"""What each list's own query parameters mean: (model, parameter) -> a test of one record.

Values inside one parameter are alternatives, parameters together must all fit (docs.kombo.dev, "Querying
the API"). E-mail addresses and names are compared without regard to case.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from syncer.simulator.company.ids import iso, iso_day
from syncer.simulator.company.records import Record, Tables

#: (tables, record, value): value is a set of texts for lists, milliseconds for timestamps, a text, or JSON.
Test = Callable[[Tables, Record, Any], bool]


def _one_of(member: str) -> Test:
    def test(tables: Tables, record: Record, values: Collection[str]) -> bool:
        return record.fields.get(member) in values

    return test


def _is(member: str) -> Test:
    def test(tables: Tables, record: Record, value: str) -> bool:
        found = record.fields.get(member)
        return isinstance(found, str) and found.casefold() == value.casefold()

    return test


def _one_of_emails(member: str) -> Test:
    def test(tables: Tables, record: Record, values: Collection[str]) -> bool:
        found = record.fields.get(member)
        return found is not None and found.casefold() in {value.casefold() for value in values}

    return test


def _contains(member: str) -> Test:
    def test(tables: Tables, record: Record, value: str) -> bool:
        return value.casefold() in (record.fields.get(member) or "").casefold()

    return test


def _linked(link: str) -> Test:
    def test(tables: Tables, record: Record, ids: Collection[str]) -> bool:
        return not record.links.get(link, {}).keys().isdisjoint(ids)

    return test


def _through(member: str, model: str, inner: Test) -> Test:
    """The test on the record that a member leads to."""

    def test(tables: Tables, record: Record, value: Any) -> bool:
        target = tables.get(model, record.fields.get(member))
        return target is not None and inner(tables, target, value)

    return test


def _after(member: str) -> Test:
    def test(tables: Tables, record: Record, ms: int) -> bool:
        found = record.fields.get(member)
        return found is not None and found > iso(ms)

    return test


def _before(member: str) -> Test:
    def test(tables: Tables, record: Record, ms: int) -> bool:
        found = record.fields.get(member)
        return found is not None and found < iso(ms)

    return test


def _from_day(tables: Tables, record: Record, ms: int) -> bool:
    end = record.fields["end_date"] or record.fields["start_date"]
    return end is not None and end >= iso_day(ms)


def _until_day(tables: Tables, record: Record, ms: int) -> bool:
    start = record.fields["start_date"]
    return start is not None and start <= iso_day(ms)


def _made_after(tables: Tables, record: Record, ms: int) -> bool:
    made: int = record.fields["_created_at"]
    return made > ms


def _custom_field(tables: Tables, record: Record, wanted: dict[str, Any]) -> bool:
    found = record.fields["custom_fields"] or {}
    return all(key in found and found[key] == value for key, value in wanted.items())


def _has_address(tables: Tables, record: Record, value: str) -> bool:
    found = record.fields.get("email_addresses") or []
    return value.casefold() in [(each["email_address"] or "").casefold() for each in found]


def _applied_to(tables: Tables, record: Record, job_ids: Collection[str]) -> bool:
    applications = tables.referring("ats_applications", "candidate_id", record.id)
    return any(each.live and each.fields["job_id"] in job_ids for each in applications)


_ABOUT_CANDIDATES = {
    "candidate_ids": _one_of("candidate_id"),
    "application_ids": _one_of("application_id"),
}

FILTERS: dict[str, dict[str, Test]] = {
    "hris_employees": {
        "employment_statuses": _one_of("employment_status"),
        "employment_status": _is("employment_status"),
        "group_ids": _linked("groups"),
        "legal_entity_ids": _one_of("legal_entity_id"),
        "work_location_ids": _one_of("work_location_id"),
        "work_emails": _one_of_emails("work_email"),
        "personal_emails": _one_of_emails("personal_email"),
        "custom_fields": _custom_field,
    },
    "hris_groups": {"types": _one_of("type"), "name_contains": _contains("name")},
    "hris_locations": {"name_contains": _contains("name")},
    "hris_legal_entities": {"name_contains": _contains("name")},
    "hris_skills": {"name_contains": _contains("name")},
    "hris_time_off_balances": {"employee_id": _is("employee_id")},
    "hris_absences": {
        "date_from": _from_day,
        "date_until": _until_day,
        "time_from": _from_day,
        "time_until": _until_day,
        "type_ids": _one_of("type_id"),
        "employee_id": _is("employee_id"),
    },
    "hris_timesheets": {
        "employee_id": _is("employee_id"),
        "started_before": _before("started_at"),
        "started_after": _after("started_at"),
        "ended_before": _before("ended_at"),
        "ended_after": _after("ended_at"),
    },
    "hris_performance_reviews": {
        "types": _one_of("type"),
        "review_cycle_ids": _one_of("_review_cycle_id"),
        "reviewee_ids": _one_of("_reviewee_id"),
    },
    "hris_staffing_entities": {"model_types": _one_of("model_type"), "statuses": _one_of("status")},
    "hris_pay_runs": {"legal_entity_ids": _one_of("legal_entity_id")},
    "hris_payslips": {
        "legal_entity_ids": _through("_pay_run_id", "hris_pay_runs", _one_of("legal_entity_id")),
        "employee_ids": _one_of("_employee_id"),
        "payrun_ids": _one_of("_pay_run_id"),
    },
    "ats_applications": {
        "outcomes": _one_of("outcome"),
        "outcome": _is("outcome"),
        "job_ids": _one_of("job_id"),
        "job_remote_ids": _through("job_id", "ats_jobs", _one_of("remote_id")),
        "current_stage_ids": _one_of("current_stage_id"),
        "remote_created_after": _after("remote_created_at"),
    },
    "ats_candidates": {
        "email": _has_address,
        "job_ids": _applied_to,
        "first_name": _is("first_name"),
        "last_name": _is("last_name"),
    },
    "ats_jobs": {
        "job_codes": _one_of("job_code"),
        "post_url": _is("post_url"),
        "statuses": _one_of("status"),
        "status": _is("status"),
        "employment_types": _one_of("employment_type"),
        "visibilities": _one_of("visibility"),
        "remote_created_after": _after("remote_created_at"),
        "name_contains": _contains("name"),
    },
    "ats_users": {"emails": _one_of_emails("email")},
    "ats_roles": {"scopes": _one_of("scope")},
    "ats_interviews": {"job_ids": _through("application_id", "ats_applications", _one_of("job_id"))},
    "ats_notes": _ABOUT_CANDIDATES,
    "ats_scorecards": _ABOUT_CANDIDATES,
    "ats_attachments": _ABOUT_CANDIDATES,
    "lms_users": {"work_emails": _one_of_emails("work_email")},
    "lms_course_progressions": {
        "user_ids": _one_of("user_id"),
        "course_ids": _through("course_revision_id", "lms_course_revisions", _one_of("course_id")),
    },
    "assessment_orders": {"statuses": _one_of("status"), "created_after": _made_after},
}
