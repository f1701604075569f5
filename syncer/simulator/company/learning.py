"""Learning users, courses with provider and revisions, progressions, skills."""

from __future__ import annotations

from random import Random

from syncer.simulator.company import names
from syncer.simulator.company.factory import Factory
from syncer.simulator.company.filters import one_of, through
from syncer.simulator.company.ids import DAY_MS, iso
from syncer.simulator.company.maker import Maker
from syncer.simulator.company.records import Members, Record
from syncer.simulator.company.relations import ID_AND_NAME, Relation, members
from syncer.simulator.company.values import (
    LONG_TEXT,
    custom_fields,
    integration_fields,
    maybe,
    moment,
    person,
    pick,
    remote_data,
)

_PROVIDERS = ("Haufe Akademie", "LinkedIn Learning", "intern 🏠", "Université Populaire")


def skill(maker: Maker, rng: Random, at: int) -> Record:
    number = maker.next_number("lms_skills")
    fields: Members = {
        "name": maybe(rng, f"{names.SKILLS[number % len(names.SKILLS)]} {number}", 0.97),
        **_common(maker, rng, number, "/v1/skills"),
    }
    return maker.put("lms_skills", fields, remote_id=maybe(rng, str(number), 0.9), at=at)


def user(maker: Maker, rng: Random, at: int) -> Record:
    number = maker.next_number("lms_users")
    who = person(rng, number)
    fields: Members = {
        "first_name": maybe(rng, who.first_name, 0.98),
        "last_name": maybe(rng, who.last_name, 0.98),
        "work_email": maybe(rng, f"{who.handle}@{maker.domain}", 0.95),
        "status": pick(rng, ("ACTIVE", "ACTIVE", "ACTIVE", "INACTIVE", None)),
        **_common(maker, rng, number, "/v1/users"),
    }
    return maker.put("lms_users", fields, remote_id=str(number), at=at)


def providers(maker: Maker, at: int) -> None:
    for name in (*_PROVIDERS, None):
        number = maker.next_number("lms_course_providers")
        maker.put("lms_course_providers", {"name": name}, remote_id=f"provider-{number}", at=at)


def course(maker: Maker, rng: Random, at: int) -> Record:
    """Make a course with one to three revisions."""
    number = maker.next_number("lms_courses")
    provider = (
        maker.ghost("lms_course_providers")
        if number % 20 == 5
        else pick(rng, maker.known("lms_course_providers"))
    )
    fields: Members = {
        "provider_id": maybe(rng, provider, 0.9),
        "origin_id": maybe(rng, f"urn:course:{number}", 0.5),
        **_common(maker, rng, number, "/v1/courses"),
    }
    record = maker.put("lms_courses", fields, remote_id=str(number), at=at)
    for _ in range(1 + number % 3):
        revision(maker, rng, at, record.id)
    return record


def revision(maker: Maker, rng: Random, at: int, course_id: str) -> Record:
    number = maker.next_number("lms_course_revisions")
    fields: Members = {
        "course_id": course_id,
        "title": maybe(rng, f"{names.COURSES[number % len(names.COURSES)]} v{number}", 0.98),
        "description": LONG_TEXT if number % 60 == 2 else maybe(rng, pick(rng, names.SENTENCES), 0.7),
        "remote_url": maybe(rng, f"https://learn.{maker.domain}/r/{number}", 0.7),
        "status": ("ACTIVE", "INACTIVE", "ACTIVE", None)[number % 4],
        **_common(maker, rng, number, "/v1/course-revisions"),
    }
    skills = maker.known("lms_skills")
    links = {"skill_assignments": {pick(rng, skills): Members() for _ in range(number % 3)} if skills else {}}
    return maker.put("lms_course_revisions", fields, remote_id=str(number), links=links, at=at)


def progression(maker: Maker, rng: Random, at: int, user_id: str, revision_id: str) -> Record:
    number = maker.next_number("lms_course_progressions")
    status = ("ENROLLED", "IN_PROGRESS", "COMPLETED", "DROPPED", "COMPLETED", None)[number % 6]
    enrolled = moment(rng, maker.clock.now_ms(), 400, 20)
    fields: Members = {
        "user_id": user_id,
        "course_revision_id": maker.ghost("lms_course_revisions") if number % 80 == 6 else revision_id,
        "status": status,
        "enrolled_at": maybe(rng, iso(enrolled), 0.95),
        "completed_at": iso(enrolled + 11 * DAY_MS) if status == "COMPLETED" else None,
        "remote_data": remote_data(rng, "/v1/enrolments", number),
    }
    return maker.put("lms_course_progressions", fields, remote_id=f"{number}-{number % 7}", at=at)


def _common(maker: Maker, rng: Random, number: int, path: str) -> Members:
    return {
        "remote_created_at": maybe(rng, iso(moment(rng, maker.clock.now_ms(), 900)), 0.8),
        "remote_data": remote_data(rng, path, number),
        "custom_fields": custom_fields(rng),
        "integration_fields": integration_fields(rng, number),
    }


def _next_progression(maker: Maker, rng: Random, at: int) -> Record:
    """Make a progression of any user in any revision."""
    user_id, revision_id = pick(rng, maker.known("lms_users")), pick(rng, maker.known("lms_course_revisions"))
    return progression(maker, rng, at, user_id, revision_id)


_USER = members("id remote_id first_name last_name work_email")
_SKILL_ASSIGNMENTS = Relation(
    "lms_course_revisions", "skill_assignments", "lms_skills", "link", "skill_assignments", ID_AND_NAME,
    wrap="skill",
)  # fmt: skip
_COURSE = Relation(
    "lms_course_revisions", "course", "lms_courses", "ref", "course_id", members("id remote_id")
)

FACTORIES = (
    Factory("lms_skills", skill, share=0.002),
    Factory("lms_users", user, share=0.015),
    Factory(
        "lms_courses",
        course,
        share=0.004,
        prepare=lambda maker, rng, at: providers(maker, at),
        relations=(
            Relation("lms_courses", "provider", "lms_course_providers", "ref", "provider_id", ID_AND_NAME),
            Relation(
                "lms_courses", "revisions", "lms_course_revisions", "children", "course_id",
                inside=(_SKILL_ASSIGNMENTS,), added_removed=True, linked=True,
            ),
        ),
    ),
    Factory(
        "lms_course_progressions",
        _next_progression,
        share=0.03,
        dependent=True,
        relations=(
            Relation(
                "lms_course_progressions", "user", "lms_users", "ref", "user_id", _USER, required=True,
            ),
            Relation(
                "lms_course_progressions", "course_revision", "lms_course_revisions", "ref",
                "course_revision_id", members("id remote_id title"), (_COURSE,), required=True,
            ),
        ),
        filters={
            "course_ids": through("course_revision_id", "lms_course_revisions", one_of("course_id")),
        },
    ),
)  # fmt: skip
