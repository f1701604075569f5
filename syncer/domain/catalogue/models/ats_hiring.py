"""ATS: interviews, scorecards and offers."""

from __future__ import annotations

from syncer.domain.catalogue.model import Filter, Link, Model
from syncer.domain.catalogue.models.columns import (
    CUSTOM_FIELDS,
    INTEGRATION_FIELDS,
    REMOTE_CREATED_AT,
    REMOTE_DATA,
    REMOTE_UPDATED_AT,
    boolean,
    date,
    json,
    ref,
    text,
    timestamp,
)

_APPLICATION_COPY = json(
    "application",
    "Copy of parts of the application; join application_id instead",
    sensitive=True,
    embeds="ats_applications",
)
_CANDIDATE_ID = ref(
    "candidate_id", "ats_candidates", "Who applies, taken from application", at="application.candidate.id"
)
_JOB_ID = ref("job_id", "ats_jobs", "Job applied for, taken from application", at="application.job.id")

OFFERS = Model(
    name="ats_offers",
    path="/ats/offers",
    webhook_name="ats_offers",
    title="Offers",
    meaning="Offers of employment to applicants",
    columns=(
        text("status", "ACCEPTED, DECLINED, SENT, APPROVED, DRAFT or ABANDONED"),
        date("employment_start_date", "First day of work that is offered"),
        ref("application_id", "ats_applications", "Application that led to the offer"),
        CUSTOM_FIELDS,
        INTEGRATION_FIELDS,
        REMOTE_CREATED_AT,
        REMOTE_UPDATED_AT,
        REMOTE_DATA,
        _APPLICATION_COPY,
        _CANDIDATE_ID,
        _JOB_ID,
    ),
)

INTERVIEWS = Model(
    name="ats_interviews",
    path="/ats/interviews",
    webhook_name="ats_interviews",
    title="Interviews",
    meaning="Talks with applicants, planned, held or cancelled",
    columns=(
        text("title", "Title of the interview"),
        timestamp("starting_at", "When it begins"),
        timestamp("ending_at", "When it ends"),
        json("location", "Where it is held: street, city, state, zip code, country, raw"),
        text("video_conferencing_url", "Address of the video call"),
        ref("application_id", "ats_applications", "Application it is about"),
        ref("stage_id", "ats_application_stages", "Stage it belongs to"),
        boolean("canceled", "Whether it was called off"),
        REMOTE_CREATED_AT,
        REMOTE_UPDATED_AT,
        REMOTE_DATA,
        json(
            "users",
            "Copy of the interviewers' records; join ats_interviews_users instead",
            sensitive=True,
            embeds="ats_users",
        ),
        _APPLICATION_COPY,
        _CANDIDATE_ID,
        _JOB_ID,
    ),
    links=(
        Link(
            table="ats_interviews_users",
            member=("users",),
            owner="interview_id",
            target="user_id",
            references="ats_users",
            meaning="Who interviews",
        ),
    ),
    joins=("ats_join_interviews_users",),
    filters=(Filter("job_ids", "list"),),
)

SCORECARDS = Model(
    name="ats_scorecards",
    path="/ats/scorecards",
    webhook_name="ats_scorecards",
    title="Scorecards",
    meaning="What a user thinks of a candidate, question by question",
    columns=(
        ref("candidate_id", "ats_candidates", "Who is judged"),
        ref("application_id", "ats_applications", "Application it is about"),
        ref("interview_id", "ats_interviews", "Interview it was written after"),
        ref("author_id", "ats_users", "Whose opinion it is, whoever typed it in"),
        REMOTE_CREATED_AT,
        REMOTE_UPDATED_AT,
        json(
            "author",
            "Stale copy of the author's record; join author_id instead",
            sensitive=True,
            embeds="ats_users",
        ),
        json("responses", "List of questions with their options and the answers given", sensitive=True),
    ),
    filters=(Filter("candidate_ids", "list"), Filter("application_ids", "list")),
)
