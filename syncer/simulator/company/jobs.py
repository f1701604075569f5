"""Jobs with their postings and screening questions."""

from __future__ import annotations

from random import Random

from syncer.simulator.company import names
from syncer.simulator.company.factory import Factory
from syncer.simulator.company.ids import iso
from syncer.simulator.company.maker import Maker
from syncer.simulator.company.records import Members, Record
from syncer.simulator.company.relations import ROLE, USER, Relation, members
from syncer.simulator.company.values import (
    LONG_TEXT,
    address,
    custom_fields,
    integration_fields,
    maybe,
    moment,
    money,
    pick,
    remote_data,
    remote_times,
    thin,
)

_TEAM_ROLES = ("HIRING_MANAGER", "RECRUITER", "COORDINATOR", "SOURCER", "INTERVIEWER")
_TYPES = ("FULL_TIME", "FULL_TIME", "PART_TIME", "CONTRACT", "SEASONAL", "INTERNSHIP", "Ehrenamt")
_OPTIONS = ("Ja", "Nein", "Weiß nicht 🤷")


def questions(maker: Maker, rng: Random, at: int) -> None:
    """Make one screening question of every kind; jobs share them."""
    options = [
        {"id": maker.id_for(f"option-{place}"), "remote_id": f"option-{place}", "name": name}
        for place, name in enumerate(_OPTIONS)
    ]
    options[-1].pop("remote_id")
    formats: tuple[Members | None, ...] = (
        {"type": "TEXT", "display_type": "MULTI_LINE", "max_length": 4_000},
        {"type": "NUMBER", "display_type": "SLIDER", "max": 50, "min": 0.5},
        {"type": "FILE", "accepted_mime_types": ["application/pdf"], "max_file_size_bytes": 5_000_000},
        {"type": "SINGLE_SELECT", "display_type": "RADIO", "options": options},
        {"type": "BOOLEAN"},
        {"type": "DATE"},
        {"type": "MULTI_SELECT", "options": options},
        {"type": "INFORMATION"},
        {"type": "UNKNOWN", "raw_question": {"kind": "matrix", "rows": [1, 2]}},
        {"type": "TEXT"},
        None,
    )
    select_id = None
    for format in formats:
        number = maker.next_number("ats_screening_questions")
        fields: Members = {
            "title": maybe(rng, f"Frage № {number}: warum wir?", 0.95),
            "description": maybe(rng, pick(rng, names.SENTENCES), 0.5),
            "format": format,
            "category": (None, None, "EEO", "DEMOGRAPHIC")[number % 4],
            "required": maybe(rng, number % 2 == 0, 0.9),
        }
        if select_id is not None and number % 2 == 0:
            fields["precondition_question_id"] = select_id
            fields["precondition_options"] = [options[0]["id"]]
        question = maker.put(
            "ats_screening_questions", fields, remote_id=maybe(rng, f"question-{number}"), at=at
        )
        if format is not None and format["type"] == "SINGLE_SELECT":
            select_id = question.id


def posting(maker: Maker, rng: Random, at: int, job_id: str) -> Record:
    number = maker.next_number("ats_job_postings")
    fields = {
        "title": maybe(rng, f"{pick(rng, names.JOBS)} ({number})", 0.95),
        "description_html": maybe(
            rng, f"<h1>{pick(rng, names.JOBS)}</h1><p>{pick(rng, names.SENTENCES)}</p>"
        ),
        "status": ("ACTIVE", "INACTIVE", "DRAFT", None)[number % 4],
        "visibility": ("PUBLIC", "INTERNAL", "UNLISTED", None)[number % 4],
        "url": maybe(rng, f"https://jobs.{maker.domain}/{number}?utm_source=x&lang=de", 0.9),
        "remote_data": remote_data(rng, "/v1/postings", number),
        "_job_id": job_id,
    }
    return maker.put("ats_job_postings", fields, remote_id=maybe(rng, f"posting-{number}"), at=at)


def job(maker: Maker, rng: Random, at: int, status: str | None = None) -> Record:
    """Make a job with its stages, questions, hiring team and up to two postings."""
    number = maker.next_number("ats_jobs")
    now = maker.clock.now_ms()
    name = pick(rng, names.JOBS)
    low = money(rng, 20_000, 90_000)
    fields: Members = {
        "name": name,
        "job_code": maybe(rng, f"J-{number:04d}", 0.9),
        "description": LONG_TEXT if number % 50 == 3 else f"<p>{pick(rng, names.SENTENCES)}</p>",
        "confidential": maybe(rng, number % 8 == 0, 0.5),
        "weekly_hours": maybe(rng, pick(rng, (40, 38.5, 19.25)), 0.7),
        "employment_type": pick(rng, _TYPES),
        "status": status or pick(rng, ("OPEN", "OPEN", "OPEN", "CLOSED", "DRAFT", "ARCHIVED", "on hold")),
        "visibility": pick(rng, ("PUBLIC", "PUBLIC", "INTERNAL", "UNLISTED", "CONFIDENTIAL", "nur Intranet")),
        "category": maybe(rng, pick(rng, names.DEPARTMENTS), 0.5),
        "department": maybe(rng, pick(rng, names.DEPARTMENTS), 0.7),
        "post_url": maybe(rng, f"https://jobs.{maker.domain}/apply/{number}", 0.8),
        "experience_level": maybe(rng, pick(rng, ("Junior", "Senior", "実務経験3年以上")), 0.5),
        "remote_work_status": pick(rng, ("REMOTE", "HYBRID", "TEMPORARY", "ON_SITE", None, "2 Tage/Woche")),
        "salary_amount": maybe(rng, low, 0.3),
        "salary_amount_from": maybe(rng, low, 0.6),
        "salary_amount_to": maybe(rng, round(low * 1.3, 2), 0.6),
        "salary_currency": maybe(rng, pick(rng, ("EUR", "USD")), 0.7),
        "salary_period": pick(rng, ("YEAR", "MONTH", "HOUR", "netto/Monat")),
        "location": address(rng),
        "custom_fields": custom_fields(rng),
        "integration_fields": integration_fields(rng, number),
        "remote_url": maybe(rng, f"https://ats.{maker.domain}/jobs/{number}", 0.9),
        "opened_at": maybe(rng, iso(moment(rng, now, 400)), 0.8),
        "closed_at": maybe(rng, iso(moment(rng, now, 100)), 0.2),
        **remote_times(rng, now),
        "contact_id": maybe(rng, pick(rng, maker.known("ats_users")), 0.4),
        "remote_data": remote_data(rng, "/v1/jobs", number),
    }
    thin(rng, fields, "employment_type", "visibility", "remote_work_status", "salary_period", "location")
    links = {
        "stages": {id: Members() for id in _some(rng, maker.known("ats_application_stages"), 5)},
        "screening_questions": _in_turn(rng, maker.known("ats_screening_questions"), number),
        "hiring_team": {
            id: hiring_role(maker, rng) for id in _some(rng, maker.known("ats_users"), number % 4)
        },
    }
    record = maker.put("ats_jobs", fields, remote_id=str(number), links=links, at=at)
    for _ in range(number % 3):
        posting(maker, rng, at, record.id)
    return record


def hiring_role(maker: Maker, rng: Random) -> Members:
    """Choose a user's roles in a hiring team: the deprecated list and the roles."""
    return {
        "hiring_team_roles": [pick(rng, _TEAM_ROLES)] if rng.random() < 0.8 else [],
        "job_roles": _some(rng, maker.roles("JOB"), int(rng.random() * 3)),
    }


def _in_turn(rng: Random, question_ids: list[str], number: int) -> dict[str, Members]:
    """Choose three questions in turn, so that each is asked by some job."""
    first = number * 3
    places = [(first + step) % len(question_ids) for step in range(3)] if question_ids else []
    return {
        question_ids[place]: {"index": index} if rng.random() < 0.9 else {}
        for index, place in enumerate(places)
    }


def _some(rng: Random, ids: list[str], count: int) -> list[str]:
    return list(dict.fromkeys(pick(rng, ids) for _ in range(count))) if ids else []


_STAGE = members("id remote_id name remote_data index status custom_fields")
_JOB_ROLES = Relation("ats_jobs", "job_roles", "ats_roles", "extra", "hiring_team.job_roles", ROLE)

FACTORIES = (
    Factory(
        "ats_jobs",
        job,
        share=0.006,
        prepare=questions,
        relations=(
            Relation(
                "ats_jobs", "stages", "ats_application_stages", "link", "stages", _STAGE, added_removed=True,
            ),
            Relation(
                "ats_jobs", "screening_questions", "ats_screening_questions", "link", "screening_questions",
                added_removed=True, linked=True,
            ),
            Relation(
                "ats_jobs", "job_postings", "ats_job_postings", "children", "_job_id",
                added_removed=True, linked=True,
            ),
            Relation(
                "ats_jobs", "hiring_team", "ats_users", "link", "hiring_team", USER, (_JOB_ROLES,),
                added_removed=True,
            ),
        ),
    ),
)  # fmt: skip
