"""ATS: offers, rejections, interviews, and what is written on applications."""

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
    owner,
    ref,
    text,
    timestamp,
)
from syncer.domain.catalogue.privacy import Privacy

_APPLICATION_COPY = json(
    "application",
    "Copy of parts of the application; join application_id instead",
    Privacy.COPY,
    embeds="ats_applications",
)
_CANDIDATE_ID = owner(
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
        text("status", "ACCEPTED, DECLINED, SENT, APPROVED, DRAFT or ABANDONED", Privacy.PROCESS),
        date("employment_start_date", "First day of work that is offered", Privacy.PROCESS),
        owner("application_id", "ats_applications", "Application that led to the offer"),
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

REJECTION_REASONS = Model(
    name="ats_rejection_reasons",
    remote_id=Privacy.ORGANISATION,
    path="/ats/rejection-reasons",
    webhook_name="ats_rejection_reasons",
    title="Rejection reasons",
    meaning="Reasons that the tool offers for declining an application",
    columns=(text("name", "The reason in words", Privacy.ORGANISATION), REMOTE_DATA),
)

INTERVIEWS = Model(
    name="ats_interviews",
    path="/ats/interviews",
    webhook_name="ats_interviews",
    title="Interviews",
    meaning="Talks with applicants, planned, held or cancelled",
    columns=(
        text("title", "Title of the interview", Privacy.IDENTITY),
        timestamp("starting_at", "When it begins", Privacy.PROCESS),
        timestamp("ending_at", "When it ends", Privacy.PROCESS),
        json("location", "Where it is held: street, city, state, zip code, country, raw", Privacy.CONTACT),
        text("video_conferencing_url", "Address of the video call", Privacy.ACCESS),
        owner("application_id", "ats_applications", "Application it is about"),
        ref("stage_id", "ats_application_stages", "Stage it belongs to"),
        boolean("canceled", "Whether it was called off", Privacy.PROCESS),
        REMOTE_CREATED_AT,
        REMOTE_UPDATED_AT,
        REMOTE_DATA,
        json(
            "users",
            "Copy of the interviewers' records; join ats_interviews_users instead",
            Privacy.COPY,
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

NOTES = Model(
    name="ats_notes",
    path="/ats/notes",
    webhook_name="ats_notes",
    title="Notes",
    meaning="What users wrote about candidates and applications",
    columns=(
        owner("candidate_id", "ats_candidates", "Whom the note is about"),
        owner(
            "application_id", "ats_applications", "Application it is about; null if about the candidate only"
        ),
        ref("author_id", "ats_users", "Who wrote it"),
        text("title", "Heading of the note", Privacy.FREE_TEXT),
        text("content_html", "Text of the note, may hold HTML", Privacy.FREE_TEXT),
        boolean(
            "is_private",
            "Whether only some users may read it in the tool; null where unknown",
            Privacy.PROCESS,
        ),
        REMOTE_CREATED_AT,
        REMOTE_UPDATED_AT,
        json(
            "author",
            "Stale copy of the author's record; join author_id instead",
            Privacy.COPY,
            embeds="ats_users",
        ),
    ),
    filters=(Filter("candidate_ids", "list"), Filter("application_ids", "list")),
)

SCORECARDS = Model(
    name="ats_scorecards",
    path="/ats/scorecards",
    webhook_name="ats_scorecards",
    title="Scorecards",
    meaning="What a user thinks of a candidate, question by question",
    columns=(
        owner("candidate_id", "ats_candidates", "Who is judged"),
        owner("application_id", "ats_applications", "Application it is about"),
        owner("interview_id", "ats_interviews", "Interview it was written after"),
        ref("author_id", "ats_users", "Whose opinion it is, whoever typed it in"),
        REMOTE_CREATED_AT,
        REMOTE_UPDATED_AT,
        json(
            "author",
            "Stale copy of the author's record; join author_id instead",
            Privacy.COPY,
            embeds="ats_users",
        ),
        json("responses", "List of questions with their options and the answers given", Privacy.ASSESSMENT),
    ),
    filters=(Filter("candidate_ids", "list"), Filter("application_ids", "list")),
)

ATTACHMENTS = Model(
    name="ats_attachments",
    path="/ats/attachments",
    webhook_name="ats_attachments",
    title="Attachments",
    meaning="Files of candidates that Kombo has put into your bucket; a beta list of some plans and tools",
    columns=(
        owner("candidate_id", "ats_candidates", "Whose file it is"),
        owner(
            "application_id", "ats_applications", "Application it belongs to; null for files of the candidate"
        ),
        text("type", "CV, COVER_LETTER or OTHER", Privacy.PROCESS),
        text("file_name", "Name of the file in the tool", Privacy.FREE_TEXT),
        REMOTE_CREATED_AT,
        REMOTE_UPDATED_AT,
        json("content_ref", "Where the file lies: type (s3), bucket and key", Privacy.ACCESS),
    ),
    filters=(Filter("candidate_ids", "list"), Filter("application_ids", "list")),
)

MODELS: tuple[Model, ...] = (OFFERS, REJECTION_REASONS, INTERVIEWS, NOTES, SCORECARDS, ATTACHMENTS)
