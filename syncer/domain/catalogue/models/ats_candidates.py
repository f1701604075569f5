"""ATS: candidates and their applications."""

from __future__ import annotations

from syncer.domain.catalogue.model import Filter, Link, Model
from syncer.domain.catalogue.models.columns import (
    CUSTOM_FIELDS,
    INTEGRATION_FIELDS,
    REMOTE_CREATED_AT,
    REMOTE_DATA,
    REMOTE_UPDATED_AT,
    REMOTE_URL,
    boolean,
    json,
    owner,
    ref,
    text,
    timestamp,
)
from syncer.domain.catalogue.privacy import Privacy

APPLICATIONS = Model(
    name="ats_applications",
    path="/ats/applications",
    webhook_name="ats_applications",
    title="Applications",
    meaning="Candidates' applications for jobs; Kombo may be set to keep only those created through it",
    columns=(
        text("outcome", "PENDING, HIRED or DECLINED", Privacy.PROCESS),
        text(
            "rejection_reason_name",
            "Why the application was declined, in the tool's words",
            Privacy.ASSESSMENT,
        ),
        timestamp("rejected_at", "When the application was declined", Privacy.PROCESS),
        ref("current_stage_id", "ats_application_stages", "Stage the application is in"),
        ref("job_id", "ats_jobs", "Job that is applied for"),
        owner("candidate_id", "ats_candidates", "Who applies"),
        json(
            "screening_question_answers",
            "Answers with their questions; without Kombo ids",
            Privacy.ASSESSMENT,
        ),
        CUSTOM_FIELDS,
        INTEGRATION_FIELDS,
        REMOTE_URL,
        REMOTE_CREATED_AT,
        REMOTE_UPDATED_AT,
        REMOTE_DATA,
        json(
            "candidate",
            "Copy of the candidate's record; join candidate_id instead",
            Privacy.COPY,
            embeds="ats_candidates",
        ),
        json(
            "current_stage",
            "Stale copy of the stage; join current_stage_id instead",
            Privacy.COPY,
            embeds="ats_application_stages",
        ),
        json("job", "Stale copy of the job's name; join job_id instead", Privacy.COPY, embeds="ats_jobs"),
        json(
            "interviews",
            "Copy of the interviews; ats_interviews has them all",
            Privacy.COPY,
            embeds="ats_interviews",
        ),
        json("offers", "Copy of the offers; ats_offers has them all", Privacy.COPY, embeds="ats_offers"),
    ),
    filters=(
        Filter("outcomes", "list", ("PENDING", "HIRED", "DECLINED")),
        Filter("job_ids", "list"),
        Filter("job_remote_ids", "list"),
        Filter("current_stage_ids", "list"),
        Filter("remote_created_after", "timestamp"),
        Filter("outcome", "text", ("PENDING", "HIRED", "DECLINED")),
    ),
)

CANDIDATES = Model(
    name="ats_candidates",
    path="/ats/candidates",
    webhook_name="ats_candidates",
    title="Candidates",
    meaning="People who applied or were found for a job",
    columns=(
        text("first_name", "First name", Privacy.IDENTITY),
        text("last_name", "Last name", Privacy.IDENTITY),
        text("company", "Current employer", Privacy.IDENTITY),
        text("title", "Current job title", Privacy.IDENTITY),
        boolean("confidential", "Whether access to the candidate is restricted in the tool", Privacy.PROCESS),
        text("source", "Where the candidate came from, in the tool's words", Privacy.PROCESS),
        json("phone_numbers", "List of phone numbers with their types", Privacy.CONTACT),
        json("email_addresses", "List of e-mail addresses with their types", Privacy.CONTACT),
        json("social_media", "List of profiles with link, user name and type", Privacy.CONTACT),
        json("location", "Address: street, city, state, zip code, country, raw", Privacy.CONTACT),
        CUSTOM_FIELDS,
        INTEGRATION_FIELDS,
        REMOTE_URL,
        REMOTE_CREATED_AT,
        REMOTE_UPDATED_AT,
        REMOTE_DATA,
        json(
            "applications",
            "Copy of the candidate's applications; ats_applications has them all",
            Privacy.COPY,
            embeds="ats_applications",
        ),
        json(
            "tags",
            "Copy of the candidate's tags; join ats_candidates_tags instead",
            Privacy.COPY,
            embeds="ats_tags",
        ),
    ),
    links=(
        Link(
            table="ats_candidates_tags",
            member=("tags",),
            owner="candidate_id",
            target="tag_id",
            references="ats_tags",
            meaning="Which candidate carries which tag",
        ),
    ),
    joins=("ats_join_candidates_tags",),
    filters=(
        Filter("email", "text", member=("email_addresses", "email_address")),
        Filter("job_ids", "list"),
        Filter("first_name", "text", member=("first_name",)),
        Filter("last_name", "text", member=("last_name",)),
    ),
)

MODELS: tuple[Model, ...] = (APPLICATIONS, CANDIDATES)
