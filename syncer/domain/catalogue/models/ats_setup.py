"""ATS: stages, tags, users and roles."""

from __future__ import annotations

from syncer.domain.catalogue.model import Filter, Model
from syncer.domain.catalogue.models.columns import (
    CUSTOM_FIELDS,
    REMOTE_DATA,
    json,
    text,
)

APPLICATION_STAGES = Model(
    name="ats_application_stages",
    path="/ats/application-stages",
    webhook_name="ats_application_stages",
    title="Application stages",
    meaning="Steps that applications go through; in most tools each job has its own",
    columns=(
        text("name", "Name of the stage"),
        REMOTE_DATA,
        text("status", "ACTIVE, or INACTIVE when archived or hidden though applications may still be in it"),
        CUSTOM_FIELDS,
    ),
)

TAGS = Model(
    name="ats_tags",
    path="/ats/tags",
    webhook_name="ats_tags",
    title="Tags",
    meaning="Labels that users put on candidates",
    columns=(text("name", "Text of the tag"), REMOTE_DATA),
)

USERS = Model(
    name="ats_users",
    path="/ats/users",
    webhook_name="ats_users",
    title="Recruiting users",
    meaning="People who work in the applicant tracking system: recruiters, hiring managers and others",
    columns=(
        text("first_name", "First name"),
        text("last_name", "Last name"),
        text("email", "Work e-mail address; null if not a valid address"),
        text("status", "ACTIVE or INACTIVE"),
        REMOTE_DATA,
        json(
            "system_roles",
            "Roles in the whole system, with label and type; without Kombo ids",
            embeds="ats_roles",
        ),
    ),
    joins=("ats_join_users_roles",),
    filters=(Filter("emails", "list"),),
)

ROLES = Model(
    name="ats_roles",
    path="/ats/roles",
    webhook_name="ats_roles",
    title="Recruiting roles",
    meaning="Roles that users can have in the system or for a job",
    columns=(
        text("remote_label", "Name of the role in the tool"),
        text("scope", "SYSTEM for roles everywhere, JOB for roles in single jobs"),
        text("unified_type", "HIRING_MANAGER, RECRUITER, INTERVIEWER, ADMIN and so on; null if none fits"),
        REMOTE_DATA,
    ),
    filters=(Filter("scopes", "list", ("SYSTEM", "JOB")),),
)

MODELS: tuple[Model, ...] = (APPLICATION_STAGES, TAGS, USERS, ROLES)
