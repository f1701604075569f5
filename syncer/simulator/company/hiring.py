"""Candidates, their applications and what happens to them."""

from __future__ import annotations

from random import Random

from syncer.simulator.company import names
from syncer.simulator.company.ids import MINUTE_MS, iso
from syncer.simulator.company.maker import Maker
from syncer.simulator.company.records import Members, Record
from syncer.simulator.company.values import (
    Person,
    address,
    custom_fields,
    day,
    integration_fields,
    maybe,
    moment,
    person,
    pick,
    remote_data,
    remote_times,
    thin,
)

OFFER_STATUSES = ("ACCEPTED", "DECLINED", "SENT", "APPROVED", "DRAFT", "ABANDONED", None)
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


def interview(maker: Maker, rng: Random, at: int, application_id: str | None) -> Record:
    number = maker.next_number("ats_interviews")
    start = moment(rng, maker.clock.now_ms(), 200, -30) // MINUTE_MS * MINUTE_MS
    fields: Members = {
        "title": maybe(rng, f"Gespräch {number % 3 + 1} / 面接", 0.9),
        "starting_at": maybe(rng, iso(start), 0.97),
        "ending_at": maybe(rng, iso(start + 45 * MINUTE_MS), 0.9),
        "location": address(rng),
        "video_conferencing_url": maybe(rng, f"https://meet.example.com/{number:x}?pwd=ä%20b", 0.6),
        "application_id": application_id,
        "stage_id": maybe(rng, pick(rng, maker.known("ats_application_stages")), 0.6),
        "canceled": maybe(rng, number % 10 == 0, 0.8),
        **remote_times(rng, maker.clock.now_ms()),
        "remote_data": remote_data(rng, "/v1/interviews", number),
    }
    thin(rng, fields, "location")
    users = {pick(rng, maker.known("ats_users")): Members() for _ in range(number % 4)}
    return maker.put(
        "ats_interviews", fields, remote_id=maybe(rng, str(number), 0.97), links={"users": users}, at=at
    )


def offer(
    maker: Maker, rng: Random, at: int, application_id: str | None, status: str | None = None
) -> Record:
    number = maker.next_number("ats_offers")
    fields = {
        "status": status or OFFER_STATUSES[number % len(OFFER_STATUSES)],
        "employment_start_date": maybe(rng, day(rng, maker.clock.now_ms(), 30, -90), 0.8),
        "application_id": application_id,
        "custom_fields": custom_fields(rng),
        "integration_fields": integration_fields(rng, number),
        **remote_times(rng, maker.clock.now_ms()),
        "remote_data": remote_data(rng, "/v1/offers", number),
    }
    return maker.put("ats_offers", fields, remote_id=maybe(rng, str(number), 0.95), at=at)


def note(maker: Maker, rng: Random, at: int, of: Record) -> Record:
    """A note on an application's candidate."""
    number = maker.next_number("ats_notes")
    fields = {
        "candidate_id": of.fields["candidate_id"] or maker.ghost("ats_candidates"),
        "application_id": maybe(rng, of.id, 0.8),
        "author_id": maybe(rng, pick(rng, maker.known("ats_users")), 0.9),
        "title": maybe(rng, "Telefonnotiz ☎", 0.5),
        "content_html": maybe(rng, pick(rng, names.NOTES) * (1 + number % 40 // 38 * 60), 0.97),
        "is_private": maybe(rng, number % 5 == 0, 0.8),
        **remote_times(rng, maker.clock.now_ms()),
    }
    return maker.put("ats_notes", fields, remote_id=f"{of.fields['remote_id']}:{number}", at=at)


def scorecard(maker: Maker, rng: Random, at: int, of: Record, interview_id: str | None) -> Record:
    number = maker.next_number("ats_scorecards")
    fields: Members = {
        "candidate_id": of.fields["candidate_id"],
        "application_id": maybe(rng, of.id, 0.9),
        "interview_id": interview_id,
        "author_id": maybe(rng, pick(rng, maker.known("ats_users")), 0.9),
        **remote_times(rng, maker.clock.now_ms()),
        "responses": [_response(rng, number + step) for step in range(number % 4)],
    }
    thin(rng, fields, "responses")
    return maker.put("ats_scorecards", fields, remote_id=str(number), at=at)


def attachment(maker: Maker, rng: Random, at: int, of: Record) -> Record:
    number = maker.next_number("ats_attachments")
    fields: Members = {
        "candidate_id": of.fields["candidate_id"] or maker.ghost("ats_candidates"),
        "application_id": maybe(rng, of.id, 0.9),
        "type": ("CV", "COVER_LETTER", "OTHER", "CV", None)[number % 5],
        "file_name": maybe(rng, f"Lebenslauf (final) № {number}.pdf", 0.95),
        **remote_times(rng, maker.clock.now_ms()),
        "content_ref": {"bucket": "your-kombo-attachments", "key": f"cv/{number}.pdf", "type": "s3"},
    }
    thin(rng, fields, "content_ref")
    return maker.put("ats_attachments", fields, remote_id=f"file-{number}", at=at)


def _answer(rng: Random, number: int) -> Members:
    """An answer to a screening question; every kind comes in turn, sometimes empty."""
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


def _response(rng: Random, number: int) -> Members:
    options = [{"remote_id": "1", "label": "stark"}, {"remote_id": None, "label": "schwach"}]
    answers: tuple[tuple[str, object], ...] = (
        ("TEXT", "Sehr gut 👍"),
        ("SINGLE_SELECT", options[0]),
        ("MULTI_SELECT", options),
        ("BOOLEAN", False),
        ("NUMBER", 4.5),
        ("DATE", "2026-03-01"),
    )
    kind, value = answers[number % len(answers)]
    response: Members = {
        "remote_id": maybe(rng, f"q{number % 9}", 0.8),
        "label": f"Kriterium {number % 9}",
        "description": maybe(rng, "0 bis 5", 0.5),
        "required": maybe(rng, number % 2 == 0, 0.8),
        "answer": maybe(rng, value, 0.9),
        "type": kind,
    }
    if kind.endswith("SELECT"):
        response["options"] = options
    return response


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
