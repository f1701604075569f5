"""LMS: the models of learning systems. Early access at Kombo: known from its OpenAPI document only."""

from __future__ import annotations

from syncer.domain.catalogue.model import Child, Filter, Member, Model
from syncer.domain.catalogue.models.columns import (
    CHANGED_AT,
    CUSTOM_FIELDS,
    INTEGRATION_FIELDS,
    REMOTE_CREATED_AT,
    REMOTE_DATA,
    REMOTE_DELETED_AT,
    REMOTE_URL,
    json,
    owner,
    ref,
    shown,
    text,
    timestamp,
)
from syncer.domain.catalogue.privacy import Privacy

USERS = Model(
    name="lms_users",
    path="/lms/users",
    webhook_name="lms_users",
    title="Learning users",
    meaning="People who learn in the tool",
    columns=(
        text("first_name", "First name", Privacy.DIRECTORY),
        text("last_name", "Last name", Privacy.DIRECTORY),
        text("work_email", "Work e-mail address", Privacy.DIRECTORY),
        text("status", "ACTIVE or INACTIVE", Privacy.DIRECTORY),
        REMOTE_CREATED_AT,
        REMOTE_DATA,
        CUSTOM_FIELDS,
        INTEGRATION_FIELDS,
    ),
    filters=(Filter("work_emails", "list", member=("work_email",)),),
)

COURSES = Model(
    name="lms_courses",
    remote_id=Privacy.ORGANISATION,
    path="/lms/courses",
    webhook_name="lms_courses",
    title="Courses",
    meaning="Courses that can be taken; title and text are in the revisions",
    columns=(
        ref("provider_id", "lms_course_providers", "Who offers the course"),
        text("origin_id", "Id of the course where it came from", Privacy.ORGANISATION),
        REMOTE_CREATED_AT,
        REMOTE_DATA,
        CUSTOM_FIELDS,
        INTEGRATION_FIELDS,
        json(
            "provider",
            "Copy of the provider; join provider_id instead",
            Privacy.COPY,
            embeds="lms_course_providers",
        ),
        json(
            "revisions",
            "The revisions as received; lms_course_revisions has them as rows",
            Privacy.COPY,
            embeds="lms_course_revisions",
        ),
    ),
    children=(
        Child(
            table="lms_course_revisions",
            remote_id=Privacy.ORGANISATION,
            member=("revisions",),
            owner="course_id",
            meaning="Versions of a course; learners progress through one of them",
            columns=(
                text("title", "Title of the course in this version", Privacy.ORGANISATION),
                text("description", "Description of the course in this version", Privacy.ORGANISATION),
                REMOTE_URL,
                text("status", "ACTIVE or INACTIVE", Privacy.ORGANISATION),
                REMOTE_CREATED_AT,
                REMOTE_DELETED_AT,
                CHANGED_AT,
                REMOTE_DATA,
                CUSTOM_FIELDS,
                INTEGRATION_FIELDS,
                json(
                    "skill_assignments",
                    "Copies of the skills it teaches, with their ids in lms_skills",
                    Privacy.ORGANISATION,
                    members=(
                        Member(
                            "skill", Privacy.ORGANISATION, shown(Privacy.ORGANISATION, "id remote_id name")
                        ),
                    ),
                    embeds={"skill": "lms_skills"},
                ),
            ),
        ),
        Child(
            table="lms_course_providers",
            remote_id=Privacy.ORGANISATION,
            member=("provider",),
            meaning="Who offers courses",
            columns=(text("name", "Name of the provider", Privacy.ORGANISATION),),
        ),
    ),
    joins=("lms_join_revisions_skills",),
)

COURSE_PROGRESSIONS = Model(
    name="lms_course_progressions",
    path="/lms/course-progressions",
    webhook_name="lms_course_progressions",
    title="Course progressions",
    meaning="How far a user has come in a version of a course",
    columns=(
        owner("user_id", "lms_users", "Who learns"),
        ref("course_revision_id", "lms_course_revisions", "Version of the course"),
        text("status", "ENROLLED, IN_PROGRESS, COMPLETED or DROPPED", Privacy.PROCESS),
        timestamp("enrolled_at", "When the user was enrolled", Privacy.PROCESS),
        timestamp("completed_at", "When the user completed the course", Privacy.PROCESS),
        REMOTE_DATA,
        json(
            "user",
            "Stale copy of the user's record; join user_id instead",
            Privacy.COPY,
            embeds="lms_users",
        ),
        json(
            "course_revision",
            "Stale copy of the version; join course_revision_id instead",
            Privacy.COPY,
            embeds={"": "lms_course_revisions", "course": "lms_courses"},
        ),
        ref(
            "course_id",
            "lms_courses",
            "Course of the version, taken from course_revision",
            at="course_revision.course.id",
        ),
    ),
    filters=(Filter("user_ids", "list"), Filter("course_ids", "list")),
)

SKILLS = Model(
    name="lms_skills",
    remote_id=Privacy.ORGANISATION,
    path="/lms/skills",
    webhook_name="lms_skills",
    title="Learning skills",
    meaning="Skills that courses teach",
    columns=(
        text("name", "Name of the skill", Privacy.ORGANISATION),
        REMOTE_CREATED_AT,
        REMOTE_DATA,
        CUSTOM_FIELDS,
        INTEGRATION_FIELDS,
    ),
)

MODELS: tuple[Model, ...] = (USERS, COURSES, COURSE_PROGRESSIONS, SKILLS)
