"""Changes in recruiting, learning and assessment."""

from __future__ import annotations

from random import Random

from syncer.simulator.company import candidates, hiring, jobs, learning, orders
from syncer.simulator.company.company import Company
from syncer.simulator.company.ids import iso
from syncer.simulator.company.records import Record
from syncer.simulator.company.values import pick
from syncer.simulator.life.change import Change, find, label
from syncer.simulator.life.hris import hire, rename


def open_job(company: Company, rng: Random) -> str:
    record = jobs.job(company, rng, company.clock.now_ms(), "OPEN")
    return f"the job {label(record)} was opened"


def close_job(company: Company, rng: Random) -> str | None:
    record = find(company, rng, "ats_jobs", lambda it: it.fields["status"] == "OPEN")
    if record is None:
        return None
    company.update("ats_jobs", record.id, status="CLOSED", closed_at=iso(company.clock.now_ms()))
    return f"the job {label(record)} was closed"


def edit_posting(company: Company, rng: Random) -> str | None:
    record = find(company, rng, "ats_job_postings")
    if record is None:
        return None
    company.update("ats_job_postings", record.id, title=f"New title {company.next_number('names')}")
    return f"job posting {record.id} was edited"


def withdraw(model: str, what: str) -> Change:
    """Delete a record without a list of its own; only its parent can tell."""

    def change(company: Company, rng: Random) -> str | None:
        record = find(company, rng, model)
        if record is None:
            return None
        company.delete(model, record.id)
        return f"the {what} {label(record)} was withdrawn"

    return change


def edit_question(company: Company, rng: Random) -> str | None:
    record = find(company, rng, "ats_screening_questions")
    if record is None:
        return None
    company.update("ats_screening_questions", record.id, description=f"v{company.next_number('names')}")
    return f"screening question {record.id} was edited"


def change_hiring_team(company: Company, rng: Random) -> str | None:
    record, user = find(company, rng, "ats_jobs"), find(company, rng, "ats_users")
    if record is None or user is None:
        return None
    if user.id in record.links.get("hiring_team", {}):
        company.unlink("ats_jobs", record.id, "hiring_team", user.id)
        return f"{label(user)} left the hiring team of {label(record)}"
    company.link("ats_jobs", record.id, "hiring_team", user.id, **jobs.hiring_role(company, rng))
    return f"{label(user)} joined the hiring team of {label(record)}"


def apply(company: Company, rng: Random) -> str:
    now = company.clock.now_ms()
    candidate = candidates.candidate(company, rng, now)
    application = candidates.application(company, rng, now, candidate.id, "PENDING")
    hiring.attachment(company, rng, now, application)
    return f"{label(candidate)} applied"


def _pending(company: Company, rng: Random) -> Record | None:
    return find(company, rng, "ats_applications", lambda it: it.fields["outcome"] == "PENDING")


def next_stage(company: Company, rng: Random) -> str | None:
    record, stage = _pending(company, rng), find(company, rng, "ats_application_stages")
    if record is None or stage is None:
        return None
    company.update("ats_applications", record.id, current_stage_id=stage.id)
    return f"application {record.id} moved to {label(stage)}"


def schedule_interview(company: Company, rng: Random) -> str | None:
    record = _pending(company, rng)
    if record is None:
        return None
    hiring.interview(company, rng, company.clock.now_ms(), record.id)
    return f"an interview was scheduled for application {record.id}"


def cancel_interview(company: Company, rng: Random) -> str | None:
    record = find(company, rng, "ats_interviews", lambda it: not it.fields["canceled"])
    if record is None:
        return None
    company.update("ats_interviews", record.id, canceled=True)
    return f"interview {record.id} was cancelled"


def make_offer(company: Company, rng: Random) -> str | None:
    record = _pending(company, rng)
    if record is None:
        return None
    hiring.offer(company, rng, company.clock.now_ms(), record.id, "SENT")
    return f"application {record.id} got an offer"


def accept_offer(company: Company, rng: Random) -> str | None:
    offer = find(company, rng, "ats_offers", lambda it: it.fields["status"] == "SENT")
    application = offer and company.tables.get("ats_applications", offer.fields["application_id"])
    if offer is None or application is None:
        return None
    company.update("ats_offers", offer.id, status="ACCEPTED")
    company.update("ats_applications", application.id, outcome="HIRED")
    return f"offer {offer.id} was accepted; {hire(company, rng)}"


def reject(company: Company, rng: Random) -> str | None:
    record = _pending(company, rng)
    if record is None:
        return None
    company.update(
        "ats_applications",
        record.id,
        outcome="DECLINED",
        rejection_reason_name=company.any_rejection_reason(rng),
        rejected_at=iso(company.clock.now_ms()),
    )
    return f"application {record.id} was rejected"


def change_tags(company: Company, rng: Random) -> str | None:
    record, tag = find(company, rng, "ats_candidates"), find(company, rng, "ats_tags")
    if record is None or tag is None:
        return None
    if tag.id in record.links.get("tags", {}):
        company.unlink("ats_candidates", record.id, "tags", tag.id)
        return f"{label(record)} lost the tag {label(tag)}"
    company.link("ats_candidates", record.id, "tags", tag.id)
    return f"{label(record)} got the tag {label(tag)}"


def write_down(company: Company, rng: Random) -> str | None:
    record = find(company, rng, "ats_applications")
    if record is None:
        return None
    hiring.note(company, rng, company.clock.now_ms(), record)
    hiring.scorecard(company, rng, company.clock.now_ms(), record, None)
    return f"application {record.id} got a note and a scorecard"


def enrol(company: Company, rng: Random) -> str | None:
    user, revision = find(company, rng, "lms_users"), find(company, rng, "lms_course_revisions")
    if user is None or revision is None:
        return None
    learning.progression(company, rng, company.clock.now_ms(), user.id, revision.id)
    return f"{label(user)} enrolled in {label(revision)}"


def complete_course(company: Company, rng: Random) -> str | None:
    record = find(company, rng, "lms_course_progressions", lambda it: it.fields["status"] == "IN_PROGRESS")
    if record is None:
        return None
    done = iso(company.clock.now_ms())
    company.update("lms_course_progressions", record.id, status="COMPLETED", completed_at=done)
    return f"course progression {record.id} was completed"


def revise_course(company: Company, rng: Random) -> str | None:
    record = find(company, rng, "lms_courses")
    if record is None:
        return None
    learning.revision(company, rng, company.clock.now_ms(), record.id)
    return f"course {record.id} got a new revision"


def order_assessment(company: Company, rng: Random) -> str:
    record = orders.order(company, rng, company.clock.now_ms(), "OPEN")
    return f"assessment {record.id} was ordered"


def finish_assessment(company: Company, rng: Random) -> str | None:
    record = find(company, rng, "assessment_orders", lambda it: it.fields["status"] == "OPEN")
    if record is None:
        return None
    company.update("assessment_orders", record.id, status=pick(rng, ("COMPLETED", "CANCELLED")))
    return f"assessment {record.id} was finished"


CHANGES: tuple[tuple[int, Change], ...] = (
    (2, open_job),
    (1, close_job),
    (2, edit_posting),
    (1, withdraw("ats_job_postings", "job posting")),
    (1, withdraw("lms_course_revisions", "course revision")),
    (1, edit_question),
    (3, change_hiring_team),
    (8, apply),
    (8, next_stage),
    (4, schedule_interview),
    (2, cancel_interview),
    (2, make_offer),
    (2, accept_offer),
    (3, reject),
    (4, change_tags),
    (4, write_down),
    (1, rename("ats_tags", "tag")),
    (1, rename("ats_application_stages", "stage")),
    (4, enrol),
    (3, complete_course),
    (1, revise_course),
    (1, order_assessment),
    (1, finish_assessment),
)
