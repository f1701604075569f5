"""ATS: jobs with their postings and screening questions."""

from __future__ import annotations

from syncer.domain.catalogue.model import Child, Filter, Link, Member, Model
from syncer.domain.catalogue.models.columns import (
    CUSTOM_FIELDS,
    INTEGRATION_FIELDS,
    REMOTE_CREATED_AT,
    REMOTE_DATA,
    REMOTE_UPDATED_AT,
    REMOTE_URL,
    ROLE,
    WORKPLACE,
    boolean,
    integer,
    json,
    number,
    ref,
    shown,
    text,
    timestamp,
)
from syncer.domain.catalogue.privacy import Privacy

_FORMAT = (
    *shown(Privacy.POSTING, "type display_type min max max_length accepted_mime_types max_file_size_bytes"),
    Member("options", Privacy.POSTING, shown(Privacy.POSTING, "id remote_id name")),
    Member("raw_question", Privacy.UNKNOWN),
)

JOBS = Model(
    name="ats_jobs",
    remote_id=Privacy.POSTING,
    path="/ats/jobs",
    webhook_name="ats_jobs",
    title="Jobs",
    meaning="Jobs that people can be hired for, open or not",
    columns=(
        text("name", "Title of the job", Privacy.POSTING),
        text("job_code", "Code for people, often the number of the requisition", Privacy.POSTING),
        text("description", "Description, usually HTML", Privacy.POSTING),
        boolean(
            "confidential", "Deprecated by Kombo: whether the job is hidden; see visibility", Privacy.PROCESS
        ),
        number("weekly_hours", "Working hours per week", Privacy.POSTING),
        text(
            "employment_type",
            "FULL_TIME, PART_TIME, CONTRACT, SEASONAL, INTERNSHIP or what the tool says",
            Privacy.POSTING,
        ),
        text("status", "OPEN, CLOSED, DRAFT, ARCHIVED or what the tool says", Privacy.PROCESS),
        text("visibility", "PUBLIC, INTERNAL, UNLISTED, CONFIDENTIAL or what the tool says", Privacy.PROCESS),
        text("category", "Field of work in the tool's own words", Privacy.POSTING),
        text("department", "Department or team in the tool's own words", Privacy.POSTING),
        text("post_url", "Address of the public posting", Privacy.POSTING),
        text("experience_level", "Seniority in the tool's own words", Privacy.POSTING),
        text(
            "remote_work_status", "REMOTE, HYBRID, TEMPORARY, ON_SITE or what the tool says", Privacy.POSTING
        ),
        number("salary_amount", "Offered pay in salary_currency per salary_period", Privacy.PAY),
        number("salary_amount_from", "Lower end of the offered pay", Privacy.PAY),
        number("salary_amount_to", "Upper end of the offered pay", Privacy.PAY),
        text("salary_currency", "Currency of the offered pay, usually an ISO 4217 code", Privacy.POSTING),
        text("salary_period", "Span the pay is for: YEAR, MONTH, WEEK, DAY, HOUR and so on", Privacy.POSTING),
        json(
            "location",
            "Where the work is done: street, city, state, zip code, country, raw",
            Privacy.POSTING,
            members=WORKPLACE,
        ),
        CUSTOM_FIELDS,
        INTEGRATION_FIELDS,
        REMOTE_URL,
        timestamp("opened_at", "When the job was opened", Privacy.PROCESS),
        timestamp(
            "closed_at", "When the job was closed, or is to be closed if in the future", Privacy.PROCESS
        ),
        REMOTE_CREATED_AT,
        REMOTE_UPDATED_AT,
        ref("contact_id", "ats_users", "Deprecated by Kombo: whom to ask about the job"),
        REMOTE_DATA,
        json(
            "stages",
            "Copy of the job's stages; join ats_jobs_stages instead",
            Privacy.COPY,
            embeds="ats_application_stages",
        ),
        json(
            "screening_questions",
            "The questions as received; ats_screening_questions has them as rows",
            Privacy.COPY,
            embeds="ats_screening_questions",
        ),
        json(
            "job_postings",
            "The postings as received; ats_job_postings has them as rows",
            Privacy.COPY,
            embeds="ats_job_postings",
        ),
        json(
            "hiring_team",
            "Copy of the users who hire; join ats_jobs_hiring_team instead",
            Privacy.COPY,
            embeds={"": "ats_users", "job_roles": "ats_roles"},
        ),
    ),
    links=(
        Link(
            table="ats_jobs_stages",
            member=("stages",),
            owner="job_id",
            target="application_stage_id",
            references="ats_application_stages",
            meaning="Which stages applications for a job go through",
            columns=(
                integer(
                    "position", "Place of the stage in the job's order", Privacy.ORGANISATION, at="index"
                ),
            ),
        ),
        Link(
            table="ats_jobs_screening_questions",
            member=("screening_questions",),
            owner="job_id",
            target="screening_question_id",
            references="ats_screening_questions",
            meaning="Which questions applicants for a job are asked",
            columns=(
                integer(
                    "position", "Place of the question in the job's order", Privacy.ORGANISATION, at="index"
                ),
                boolean("required", "Whether applicants for the job must answer", Privacy.ORGANISATION),
            ),
        ),
        Link(
            table="ats_jobs_hiring_team",
            member=("hiring_team",),
            owner="job_id",
            target="user_id",
            references="ats_users",
            meaning="Who hires for a job, and in which roles",
            columns=(
                json(
                    "hiring_team_roles",
                    "Deprecated by Kombo: the roles as plain words; see job_roles",
                    Privacy.ORGANISATION,
                ),
                json(
                    "job_roles",
                    "Roles of the user for this job, with the tool's label and Kombo's word",
                    Privacy.ORGANISATION,
                    members=ROLE,
                    embeds="ats_roles",
                ),
            ),
        ),
    ),
    children=(
        Child(
            table="ats_job_postings",
            remote_id=Privacy.POSTING,
            member=("job_postings",),
            owner="job_id",
            meaning="Public advertisements of a job",
            columns=(
                text("title", "Title of the posting", Privacy.POSTING),
                text("description_html", "Text of the posting as HTML", Privacy.POSTING),
                text("status", "ACTIVE, INACTIVE or DRAFT", Privacy.PROCESS),
                text("visibility", "PUBLIC, INTERNAL or UNLISTED", Privacy.PROCESS),
                text("url", "Public address of the posting", Privacy.POSTING),
                REMOTE_DATA,
            ),
        ),
        Child(
            table="ats_screening_questions",
            remote_id=Privacy.POSTING,
            member=("screening_questions",),
            meaning="Questions that applicants are asked, as far as a job asks them",
            columns=(
                text("title", "The question", Privacy.POSTING),
                text("description", "Hints for the answer, may hold HTML", Privacy.POSTING),
                json(
                    "format",
                    "What an answer looks like: type, options, limits",
                    Privacy.POSTING,
                    members=_FORMAT,
                ),
                text(
                    "type",
                    "TEXT, NUMBER, BOOLEAN, DATE, SINGLE_SELECT, FILE and so on",
                    Privacy.POSTING,
                    at="format.type",
                ),
                text("category", "EEO or DEMOGRAPHIC; null for ordinary questions", Privacy.POSTING),
                ref(
                    "precondition_question_id",
                    "ats_screening_questions",
                    "Question that must have one of precondition_options as its answer first",
                ),
                json(
                    "precondition_options",
                    "Answers that lead to this question: ids of options, true or false",
                    Privacy.POSTING,
                ),
            ),
        ),
    ),
    joins=(
        "ats_join_jobs_application_stages",
        "ats_join_jobs_screening_questions",
        "ats_join_jobs_users",
        "ats_join_user_job_role_assignments",
    ),
    filters=(
        Filter("job_codes", "list", member=("job_code",)),
        Filter("post_url", "text", member=("post_url",)),
        Filter("statuses", "list", ("OPEN", "CLOSED", "DRAFT", "ARCHIVED")),
        Filter("employment_types", "list", ("FULL_TIME", "PART_TIME", "CONTRACT", "SEASONAL", "INTERNSHIP")),
        Filter("visibilities", "list", ("PUBLIC", "INTERNAL", "UNLISTED", "CONFIDENTIAL")),
        Filter("remote_created_after", "timestamp"),
        Filter("name_contains", "text", member=("name",)),
        Filter("status", "text", ("OPEN", "CLOSED", "DRAFT", "ARCHIVED")),
    ),
)

MODELS: tuple[Model, ...] = (JOBS,)
