"""ATS: jobs and the people who hire for them."""

from __future__ import annotations

from syncer.domain.catalogue.model import Child, Filter, Link, Model
from syncer.domain.catalogue.models.columns import (
    CUSTOM_FIELDS,
    INTEGRATION_FIELDS,
    REMOTE_CREATED_AT,
    REMOTE_DATA,
    REMOTE_UPDATED_AT,
    REMOTE_URL,
    boolean,
    integer,
    json,
    number,
    ref,
    text,
    timestamp,
)

JOBS = Model(
    name="ats_jobs",
    path="/ats/jobs",
    webhook_name="ats_jobs",
    title="Jobs",
    meaning="Jobs that people can be hired for, open or not",
    columns=(
        text("name", "Title of the job"),
        text("job_code", "Code for people, often the number of the requisition"),
        text("description", "Description, usually HTML"),
        boolean("confidential", "Deprecated by Kombo: whether the job is hidden; see visibility"),
        number("weekly_hours", "Working hours per week"),
        text("employment_type", "FULL_TIME, PART_TIME, CONTRACT, SEASONAL, INTERNSHIP or what the tool says"),
        text("status", "OPEN, CLOSED, DRAFT, ARCHIVED or what the tool says"),
        text("visibility", "PUBLIC, INTERNAL, UNLISTED, CONFIDENTIAL or what the tool says"),
        text("category", "Field of work in the tool's own words"),
        text("department", "Department or team in the tool's own words"),
        text("post_url", "Address of the public posting"),
        text("experience_level", "Seniority in the tool's own words"),
        text("remote_work_status", "REMOTE, HYBRID, TEMPORARY, ON_SITE or what the tool says"),
        number("salary_amount", "Offered pay in salary_currency per salary_period"),
        number("salary_amount_from", "Lower end of the offered pay"),
        number("salary_amount_to", "Upper end of the offered pay"),
        text("salary_currency", "Currency of the offered pay, usually an ISO 4217 code"),
        text("salary_period", "Span the pay is for: YEAR, MONTH, WEEK, DAY, HOUR and so on"),
        json("location", "Where the work is done: street, city, state, zip code, country, raw"),
        CUSTOM_FIELDS,
        INTEGRATION_FIELDS,
        REMOTE_URL,
        timestamp("opened_at", "When the job was opened"),
        timestamp("closed_at", "When the job was closed, or is to be closed if in the future"),
        REMOTE_CREATED_AT,
        REMOTE_UPDATED_AT,
        ref("contact_id", "ats_users", "Deprecated by Kombo: whom to ask about the job"),
        REMOTE_DATA,
        json(
            "stages",
            "Copy of the job's stages; join ats_jobs_stages instead",
            sensitive=True,
            embeds="ats_application_stages",
        ),
        json(
            "screening_questions",
            "The questions as received; ats_screening_questions has them as rows",
            embeds="ats_screening_questions",
        ),
        json(
            "job_postings",
            "The postings as received; ats_job_postings has them as rows",
            sensitive=True,
            embeds="ats_job_postings",
        ),
        json(
            "hiring_team",
            "Copy of the users who hire; join ats_jobs_hiring_team instead",
            sensitive=True,
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
            columns=(integer("position", "Place of the stage in the job's order", at="index"),),
        ),
        Link(
            table="ats_jobs_screening_questions",
            member=("screening_questions",),
            owner="job_id",
            target="screening_question_id",
            references="ats_screening_questions",
            meaning="Which questions applicants for a job are asked",
            columns=(
                integer("position", "Place of the question in the job's order", at="index"),
                boolean("required", "Whether applicants for the job must answer"),
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
                json("hiring_team_roles", "Deprecated by Kombo: the roles as plain words; see job_roles"),
                json(
                    "job_roles",
                    "Roles of the user for this job, with the tool's label and Kombo's word",
                    embeds="ats_roles",
                ),
            ),
        ),
    ),
    children=(
        Child(
            table="ats_job_postings",
            member=("job_postings",),
            owner="job_id",
            meaning="Public advertisements of a job",
            columns=(
                text("title", "Title of the posting"),
                text("description_html", "Text of the posting as HTML"),
                text("status", "ACTIVE, INACTIVE or DRAFT"),
                text("visibility", "PUBLIC, INTERNAL or UNLISTED"),
                text("url", "Public address of the posting"),
                REMOTE_DATA,
            ),
        ),
        Child(
            table="ats_screening_questions",
            member=("screening_questions",),
            meaning="Questions that applicants are asked, as far as a job asks them",
            columns=(
                text("title", "The question"),
                text("description", "Hints for the answer, may hold HTML"),
                json("format", "What an answer looks like: type, options, limits"),
                text("type", "TEXT, NUMBER, BOOLEAN, DATE, SINGLE_SELECT, FILE and so on", at="format.type"),
                text("category", "EEO or DEMOGRAPHIC; null for ordinary questions"),
                ref(
                    "precondition_question_id",
                    "ats_screening_questions",
                    "Question that must have one of precondition_options as its answer first",
                ),
                json(
                    "precondition_options",
                    "Answers that lead to this question: ids of options, true or false",
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
        Filter("job_codes", "list"),
        Filter("post_url", "text"),
        Filter("statuses", "list", ("OPEN", "CLOSED", "DRAFT", "ARCHIVED")),
        Filter("employment_types", "list", ("FULL_TIME", "PART_TIME", "CONTRACT", "SEASONAL", "INTERNSHIP")),
        Filter("visibilities", "list", ("PUBLIC", "INTERNAL", "UNLISTED", "CONFIDENTIAL")),
        Filter("remote_created_after", "timestamp"),
        Filter("name_contains", "text"),
        Filter("status", "text", ("OPEN", "CLOSED", "DRAFT", "ARCHIVED")),
    ),
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
