"""Interviews, offers, notes, scorecards and attachments of applications."""

from __future__ import annotations

from random import Random

from syncer.simulator.company import names
from syncer.simulator.company.candidates import CANDIDATE_OF_APPLICATION, JOB_OF_APPLICATION
from syncer.simulator.company.factory import Factory
from syncer.simulator.company.filters import one_of, through
from syncer.simulator.company.ids import MINUTE_MS, iso
from syncer.simulator.company.maker import Maker
from syncer.simulator.company.records import Members, Record
from syncer.simulator.company.relations import USER, Relation, members
from syncer.simulator.company.values import (
    address,
    custom_fields,
    day,
    integration_fields,
    maybe,
    moment,
    pick,
    remote_data,
    remote_times,
    thin,
)

OFFER_STATUSES = ("ACCEPTED", "DECLINED", "SENT", "APPROVED", "DRAFT", "ABANDONED", None)


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
    """Make a note on an application's candidate."""
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


def _any_application(maker: Maker, rng: Random) -> Record:
    return maker.tables.of("ats_applications")[pick(rng, maker.known("ats_applications"))]


def _mostly_an_application(maker: Maker, rng: Random, model: str) -> str | None:
    """Choose the application of the model's next record; one record in fifty has none."""
    return pick(rng, maker.known("ats_applications")) if maker.made(model) % 50 else None


def _next_scorecard(maker: Maker, rng: Random, at: int) -> Record:
    """Make a scorecard of any application; one in eight is of no interview."""
    of, interviews = _any_application(maker, rng), maker.known("ats_interviews")
    interview_id = pick(rng, interviews) if maker.made("ats_scorecards") % 8 else None
    return scorecard(maker, rng, at, of, interview_id)


_APPLICATION = members("id remote_id outcome rejection_reason_name")
_INSIDE_APPLICATION = (CANDIDATE_OF_APPLICATION, JOB_OF_APPLICATION)

FACTORIES = (
    Factory(
        "ats_interviews",
        lambda maker, rng, at: interview(
            maker, rng, at, _mostly_an_application(maker, rng, "ats_interviews")
        ),
        share=0.045,
        dependent=True,
        relations=(
            Relation(
                "ats_interviews", "users", "ats_users", "link", "users", USER,
                added_removed=True, path="interviewers",
            ),
            Relation(
                "ats_interviews", "application", "ats_applications", "ref", "application_id", _APPLICATION,
                _INSIDE_APPLICATION, linked=True,
            ),
        ),
        filters={"job_ids": through("application_id", "ats_applications", one_of("job_id"))},
    ),
    Factory(
        "ats_offers",
        lambda maker, rng, at: offer(maker, rng, at, _mostly_an_application(maker, rng, "ats_offers")),
        share=0.01,
        dependent=True,
        relations=(
            Relation(
                "ats_offers", "application", "ats_applications", "ref", "application_id", (),
                _INSIDE_APPLICATION, linked=True,
            ),
        ),
    ),
    Factory(
        "ats_notes",
        lambda maker, rng, at: note(maker, rng, at, _any_application(maker, rng)),
        share=0.035,
        dependent=True,
        relations=(Relation("ats_notes", "author", "ats_users", "ref", "author_id", USER),),
    ),
    Factory(
        "ats_scorecards",
        _next_scorecard,
        share=0.02,
        dependent=True,
        relations=(Relation("ats_scorecards", "author", "ats_users", "ref", "author_id", USER),),
    ),
    Factory(
        "ats_attachments",
        lambda maker, rng, at: attachment(maker, rng, at, _any_application(maker, rng)),
        share=0.025,
        dependent=True,
    ),
)  # fmt: skip
