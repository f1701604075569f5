"""ATS: stages, tags, users and roles."""

from __future__ import annotations

from syncer.domain.catalogue.model import Filter, Model
from syncer.domain.catalogue.models.columns import (
    CUSTOM_FIELDS,
    REMOTE_DATA,
    ROLE,
    json,
    text,
)
from syncer.domain.catalogue.privacy import Privacy

APPLICATION_STAGES = Model(
    name="ats_application_stages",
    remote_id=Privacy.ORGANISATION,
    path="/ats/application-stages",
    webhook_name="ats_application_stages",
    title="Application stages",
    meaning="Steps that applications go through; in most tools each job has its own",
    columns=(
        text("name", "Name of the stage", Privacy.ORGANISATION),
        REMOTE_DATA,
        text(
            "status",
            "ACTIVE, or INACTIVE when archived or hidden though applications may still be in it",
            Privacy.ORGANISATION,
        ),
        CUSTOM_FIELDS,
    ),
)

TAGS = Model(
    name="ats_tags",
    remote_id=Privacy.ASSESSMENT,
    path="/ats/tags",
    webhook_name="ats_tags",
    title="Tags",
    meaning="Labels that users put on candidates",
    columns=(text("name", "Text of the tag", Privacy.ASSESSMENT), REMOTE_DATA),
)

USERS = Model(
    name="ats_users",
    path="/ats/users",
    webhook_name="ats_users",
    title="Recruiting users",
    meaning="People who work in the applicant tracking system: recruiters, hiring managers and others",
    columns=(
        text("first_name", "First name", Privacy.DIRECTORY),
        text("last_name", "Last name", Privacy.DIRECTORY),
        text("email", "Work e-mail address; null if not a valid address", Privacy.DIRECTORY),
        text("status", "ACTIVE or INACTIVE", Privacy.DIRECTORY),
        REMOTE_DATA,
        json(
            "system_roles",
            "Roles in the whole system, with label and type; without Kombo ids",
            Privacy.ORGANISATION,
            members=ROLE,
            embeds="ats_roles",
        ),
    ),
    joins=("ats_join_users_roles",),
    filters=(Filter("emails", "list", member=("email",)),),
)

ROLES = Model(
    name="ats_roles",
    remote_id=Privacy.ORGANISATION,
    path="/ats/roles",
    webhook_name="ats_roles",
    title="Recruiting roles",
    meaning="Roles that users can have in the system or for a job",
    columns=(
        text("remote_label", "Name of the role in the tool", Privacy.ORGANISATION),
        text("scope", "SYSTEM for roles everywhere, JOB for roles in single jobs", Privacy.ORGANISATION),
        text(
            "unified_type",
            "HIRING_MANAGER, RECRUITER, INTERVIEWER, ADMIN and so on; null if none fits",
            Privacy.ORGANISATION,
        ),
        REMOTE_DATA,
    ),
    filters=(Filter("scopes", "list", ("SYSTEM", "JOB")),),
)

MODELS: tuple[Model, ...] = (APPLICATION_STAGES, TAGS, USERS, ROLES)
