"""Candidates and their applications."""

from __future__ import annotations

from collections.abc import Collection
from random import Random

from syncer.simulator.company import names
from syncer.simulator.company.factory import Factory
from syncer.simulator.company.filters import one_of, through
from syncer.simulator.company.ids import iso
from syncer.simulator.company.maker import Maker
from syncer.simulator.company.records import Members, Record, Tables
from syncer.simulator.company.relations import ID_AND_NAME, Relation, members
from syncer.simulator.company.values import (
    Person,
    address,
    custom_fields,
    integration_fields,
    maybe,
    moment,
    person,
    pick,
    remote_data,
    remote_times,
    thin,
)

_SOURCES = ("LinkedIn", "Empfehlung", "Stepstone", "career page", None)


def candidate(maker: Maker, rng: Random, at: int) -> Record:
    number = maker.next_number("ats_candidates")
    who = person(rng, number)
    fields: Members = {
        "first_name": maybe(rng, who.first_name, 0.98),
        "last_name": maybe(rng, who.last_name, 0.98),
        "company": maybe(rng, pick(rng, names.COMPANIES), 0.6),
        "title": maybe(rng, pick(rng, names.JOBS), 0.6),
        "confidential": maybe(rng, number % 20 == 0, 0.5),
        "source": pick(rng, _SOURCES),
        "phone_numbers": _phone_numbers(number),
        "email_addresses": _email_addresses(who, number),
        "social_media": _social_media(who, number),
        "location": address(rng),
        "custom_fields": custom_fields(rng),
        "integration_fields": integration_fields(rng, number),
        "remote_url": maybe(rng, f"https://ats.{maker.domain}/candidates/{number}", 0.9),
        **remote_times(rng, maker.clock.now_ms()),
        "remote_data": remote_data(rng, "/v1/candidates", number),
    }
    thin(rng, fields, "phone_numbers", "social_media", "location", "email_addresses")
    tags = maker.known("ats_tags")
    links = {"tags": {pick(rng, tags): Members() for _ in range(number % 3)} if tags else {}}
    return maker.put("ats_candidates", fields, remote_id=str(number), links=links, at=at)


def application(
    maker: Maker, rng: Random, at: int, candidate_id: str | None, outcome: str | None = None
) -> Record:
    number = maker.next_number("ats_applications")
    chosen = outcome or ("PENDING", "PENDING", "DECLINED", "HIRED", "PENDING", None)[number % 6]
    declined = chosen == "DECLINED"
    fields: Members = {
        "outcome": chosen,
        "rejection_reason_name": maker.any_rejection_reason(rng) if declined else None,
        "rejected_at": iso(moment(rng, maker.clock.now_ms(), 90)) if declined else None,
        "current_stage_id": maybe(rng, pick(rng, maker.known("ats_application_stages")), 0.95),
        "job_id": maker.ghost("ats_jobs")
        if number % 50 == 9
        else maybe(rng, pick(rng, maker.known("ats_jobs")), 0.98),
        "candidate_id": maker.ghost("ats_candidates") if number % 70 == 5 else candidate_id,
        "screening_question_answers": [_answer(rng, number + step) for step in range(number % 4)],
        "custom_fields": custom_fields(rng),
        "integration_fields": integration_fields(rng, number),
        "remote_url": maybe(rng, f"https://ats.{maker.domain}/applications/{number}", 0.9),
        **remote_times(rng, maker.clock.now_ms()),
        "remote_data": remote_data(rng, "/v1/applications", number),
    }
    if outcome is None:
        thin(rng, fields, "screening_question_answers")
    return maker.put("ats_applications", fields, remote_id=maybe(rng, str(number), 0.97), at=at)


def _answer(rng: Random, number: int) -> Members:
    """Answer a screening question; every kind comes in turn, sometimes empty."""
    answers: tuple[tuple[str, str, object], ...] = (
        ("TEXT", "content", "Weil ich Äpfel mag 🍎"),
        ("SINGLE_SELECT", "choice", "Ja"),
        ("MULTI_SELECT", "choices", ["Ja", "Nein"]),
        ("BOOLEAN", "checked", True),
        ("NUMBER", "number", 0.1),
        ("DATE", "date", "2026-02-28T00:00:00.000Z"),
        ("UNKNOWN", "raw", {"matrix": [[1, None], []]}),
    )
    kind, member, value = answers[number % len(answers)]
    question = {
        "remote_id": maybe(rng, f"question-{number % 11 + 1}", 0.9),
        "title": f"Frage № {number % 11 + 1}",
        "type": kind,
    }
    return {"answer": {member: maybe(rng, value, 0.9)}, "question": question}


def _phone_numbers(number: int) -> list[Members]:
    numbers: list[Members] = [
        {"phone_number": f"+44 20 7946 {number % 10_000:04d}", "type": "HOME"},
        {"phone_number": f"0151-{number:08d} (privat)"},
        {"phone_number": f"+81 90 {number:08d}", "type": None},
    ]
    return numbers[: number % 4]


def _email_addresses(who: Person, number: int) -> list[Members]:
    addresses: list[Members] = [
        {"email_address": f"{who.handle}@mail.example.org", "type": "PRIVATE"},
        {"email_address": f"{who.handle}+jobs@example.com", "type": None},
        {"email_address": None, "type": "WORK"},
    ]
    return addresses[: 1 + number % 3]


def _social_media(who: Person, number: int) -> list[Members]:
    profiles: list[Members] = [
        {"link": f"https://social.example.com/in/{who.handle}", "type": "LINKEDIN", "username": who.handle},
        {"username": "@" + who.last_name},
    ]
    return profiles[: number % 3]


def _next_application(maker: Maker, rng: Random, at: int) -> Record:
    """Make an application of the candidate whose turn it is, now and then of none."""
    candidates, place = maker.known("ats_candidates"), maker.made("ats_applications")
    return application(maker, rng, at, candidates[place % len(candidates)] if place % 40 else None)


def _has_address(tables: Tables, record: Record, value: str) -> bool:
    found = record.fields.get("email_addresses") or []
    return value.casefold() in [(each["email_address"] or "").casefold() for each in found]


def _applied_to(tables: Tables, record: Record, job_ids: Collection[str]) -> bool:
    applications = tables.referring("ats_applications", "candidate_id", record.id)
    return any(each.live and each.fields["job_id"] in job_ids for each in applications)


_APPLICATION = members(
    "id remote_id outcome rejection_reason_name rejected_at remote_url changed_at remote_created_at"
    " remote_updated_at"
)
_CANDIDATE = members(
    "id remote_id first_name last_name email_addresses phone_numbers social_media source remote_url"
)
_STAGE = members("id remote_id name index status custom_fields")
_TAGS = Relation("ats_candidates", "tags", "ats_tags", "link", "tags", ID_AND_NAME)
_CURRENT_STAGE = Relation(
    "ats_applications", "current_stage", "ats_application_stages", "ref", "current_stage_id",
    members("id name remote_id index"),
)  # fmt: skip
JOB_OF_APPLICATION = Relation("ats_applications", "job", "ats_jobs", "ref", "job_id", ID_AND_NAME)
CANDIDATE_OF_APPLICATION = Relation(
    "ats_applications", "candidate", "ats_candidates", "ref", "candidate_id",
    members("id remote_id first_name last_name email_addresses"),
)  # fmt: skip

FACTORIES = (
    Factory(
        "ats_candidates",
        candidate,
        share=0.05,
        relations=(
            Relation(
                "ats_candidates", "applications", "ats_applications", "children", "candidate_id",
                _APPLICATION, (_CURRENT_STAGE, JOB_OF_APPLICATION), added_removed=True, linked=True,
            ),
            Relation(
                "ats_candidates", "tags", "ats_tags", "link", "tags", ID_AND_NAME, added_removed=True,
            ),
        ),
        filters={"email": _has_address, "job_ids": _applied_to},
    ),
    Factory(
        "ats_applications",
        _next_application,
        share=0.065,
        dependent=True,
        relations=(
            Relation(
                "ats_applications", "candidate", "ats_candidates", "ref", "candidate_id", _CANDIDATE,
                (_TAGS,), linked=True,
            ),
            Relation(
                "ats_applications", "current_stage", "ats_application_stages", "ref", "current_stage_id",
                _STAGE,
            ),
            JOB_OF_APPLICATION,
            Relation(
                "ats_applications", "interviews", "ats_interviews", "children", "application_id",
                members("id remote_id title starting_at ending_at location canceled"),
                added_removed=True, linked=True,
            ),
            Relation(
                "ats_applications", "offers", "ats_offers", "children", "application_id",
                members("id remote_id status"), added_removed=True, linked=True,
            ),
        ),
        filters={"job_remote_ids": through("job_id", "ats_jobs", one_of("remote_id"))},
    ),
)  # fmt: skip
