"""The first schema: mirror tables with their links, children and views, and the bookkeeping.

A frozen picture: it does not read the catalogue, which goes on changing. Comments are not part of it;
`syncer migrate` brings them up to date by itself.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from syncer.store.db.types import Json, Number, Timestamp

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TYPES = {
    "text": sa.Text,
    "boolean": sa.Boolean,
    "integer": sa.BigInteger,
    "int": sa.Integer,
    "float": sa.Float,
    "number": Number,
    "date": sa.Date,
    "time": sa.Time,
    "timestamp": Timestamp,
    "json": Json,
    "bytes": sa.LargeBinary,
}

#: Columns around those of the model itself in every mirror table.
BEFORE = """
    id text required, integration_id text required, remote_id text, changed_at timestamp,
    remote_deleted_at timestamp, deleted_by text, first_seen_at timestamp required,
    mirrored_at timestamp required, content_hash bytes required
"""
AFTER = "document json required"

#: Model -> its own columns.
MIRROR: dict[str, str] = {}
MIRROR["hris_employees"] = """
    employee_number text, first_name text, last_name text, nationality text, display_full_name text,
    job_title text, work_email text, personal_email text, mobile_phone_number text, ssn text, tax_id
    text, gender text, ethnicity text, marital_status text, employment_status text, employment_type
    text, weekly_hours number, avatar text, work_location_id text, legal_entity_id text, manager_id
    text, date_of_birth date, start_date date, termination_date date, remote_created_at timestamp,
    home_address json, bank_accounts json, custom_fields json, integration_fields json, remote_data
    json, employments json, time_off_balances json, manager json, groups json, legal_entity json,
    teams json, work_location json
"""
MIRROR["hris_employments"] = """
    employee_id text, job_title text, pay_rate number, pay_period text, pay_frequency text,
    employment_type text, pay_currency text, effective_date date, remote_data json, custom_fields
    json, integration_fields json
"""
MIRROR["hris_groups"] = """
    name text, type text, parent_id text, remote_data json
"""
MIRROR["hris_locations"] = """
    name text, type text, address json, remote_data json
"""
MIRROR["hris_legal_entities"] = """
    name text, address json, remote_data json
"""
MIRROR["hris_absence_types"] = """
    name text, unit text, half_days_supported boolean, exact_times_supported boolean, remote_data
    json, custom_fields json
"""
MIRROR["hris_absences"] = """
    employee_id text, approver_id text, start_date date, end_date date, start_half_day boolean,
    end_half_day boolean, start_time time, end_time time, amount number, unit text, status text,
    employee_note text, type_id text, remote_created_at timestamp, remote_updated_at timestamp,
    remote_data json, type json
"""
MIRROR["hris_time_off_balances"] = """
    employee_id text, type_id text, balance number, balance_unit text, used number, used_unit text,
    remote_data json, type json
"""
MIRROR["hris_timesheets"] = """
    employee_id text, started_at timestamp, ended_at timestamp, timezone text, payable_hours number,
    unpaid_break_minutes number, approval_status text, approved_at timestamp, comment text, breaks
    json, custom_fields json, integration_fields json, remote_data json
"""
MIRROR["hris_employee_document_categories"] = """
    name text, remote_data json
"""
MIRROR["hris_performance_review_cycles"] = """
    name text, review_period_start_date date, remote_data json
"""
MIRROR["hris_performance_reviews"] = """
    type text, summary_comment text, reviewee_id text, reviewer_id text, review_cycle_id text,
    summary_rating json, remote_data json, reviewee json, reviewer json, review_cycle json
"""
MIRROR["hris_staffing_entities"] = """
    name text, model_type text, description text, status text, number_of_openings number, parent_id
    text, remote_url text, remote_created_at timestamp, remote_updated_at timestamp, employment_types
    json, custom_fields json, integration_fields json, remote_data json, locations json,
    legal_entities json, groups json, skills json
"""
MIRROR["hris_pay_runs"] = """
    start_date date, end_date date, legal_entity_id text, totals json
"""
MIRROR["hris_payslips"] = """
    employee_id text, pay_run_id text, totals json, employee json, pay_run json, line_items json
"""
MIRROR["hris_skills"] = """
    name text, description text, ordered_levels json, remote_data json
"""
MIRROR["hris_skill_proficiency_ratings"] = """
    employee_id text, skill_id text, rating_source text, proficiency json
"""
MIRROR["ats_jobs"] = """
    name text, job_code text, description text, confidential boolean, weekly_hours number,
    employment_type text, status text, visibility text, category text, department text, post_url text,
    experience_level text, remote_work_status text, salary_amount number, salary_amount_from number,
    salary_amount_to number, salary_currency text, salary_period text, remote_url text, opened_at
    timestamp, closed_at timestamp, remote_created_at timestamp, remote_updated_at timestamp,
    contact_id text, location json, custom_fields json, integration_fields json, remote_data json,
    stages json, screening_questions json, job_postings json, hiring_team json
"""
MIRROR["ats_applications"] = """
    outcome text, rejection_reason_name text, rejected_at timestamp, current_stage_id text, job_id
    text, candidate_id text, remote_url text, remote_created_at timestamp, remote_updated_at
    timestamp, screening_question_answers json, custom_fields json, integration_fields json,
    remote_data json, candidate json, current_stage json, job json, interviews json, offers json
"""
MIRROR["ats_candidates"] = """
    first_name text, last_name text, company text, title text, confidential boolean, source text,
    remote_url text, remote_created_at timestamp, remote_updated_at timestamp, phone_numbers json,
    email_addresses json, social_media json, location json, custom_fields json, integration_fields
    json, remote_data json, applications json, tags json
"""
MIRROR["ats_application_stages"] = """
    name text, status text, remote_data json, custom_fields json
"""
MIRROR["ats_tags"] = """
    name text, remote_data json
"""
MIRROR["ats_users"] = """
    first_name text, last_name text, email text, status text, remote_data json, system_roles json
"""
MIRROR["ats_roles"] = """
    remote_label text, scope text, unified_type text, remote_data json
"""
MIRROR["ats_offers"] = """
    status text, employment_start_date date, application_id text, remote_created_at timestamp,
    remote_updated_at timestamp, candidate_id text, job_id text, custom_fields json,
    integration_fields json, remote_data json, application json
"""
MIRROR["ats_rejection_reasons"] = """
    name text, remote_data json
"""
MIRROR["ats_interviews"] = """
    title text, starting_at timestamp, ending_at timestamp, video_conferencing_url text,
    application_id text, stage_id text, canceled boolean, remote_created_at timestamp,
    remote_updated_at timestamp, candidate_id text, job_id text, location json, remote_data json,
    users json, application json
"""
MIRROR["ats_notes"] = """
    candidate_id text, application_id text, author_id text, title text, content_html text, is_private
    boolean, remote_created_at timestamp, remote_updated_at timestamp, author json
"""
MIRROR["ats_scorecards"] = """
    candidate_id text, application_id text, interview_id text, author_id text, remote_created_at
    timestamp, remote_updated_at timestamp, author json, responses json
"""
MIRROR["ats_attachments"] = """
    candidate_id text, application_id text, type text, file_name text, remote_created_at timestamp,
    remote_updated_at timestamp, content_ref json
"""
MIRROR["lms_users"] = """
    first_name text, last_name text, work_email text, status text, remote_created_at timestamp,
    remote_data json, custom_fields json, integration_fields json
"""
MIRROR["lms_courses"] = """
    provider_id text, origin_id text, remote_created_at timestamp, remote_data json, custom_fields
    json, integration_fields json, provider json, revisions json
"""
MIRROR["lms_course_progressions"] = """
    user_id text, course_revision_id text, status text, enrolled_at timestamp, completed_at timestamp,
    course_id text, remote_data json, user json, course_revision json
"""
MIRROR["lms_skills"] = """
    name text, remote_created_at timestamp, remote_data json, custom_fields json, integration_fields
    json
"""
MIRROR["assessment_orders"] = """
    package_id text, status text, candidate json, application json, job json
"""

#: Model -> further columns with an index.
INDEXED = {
    "hris_employees": "work_email work_location_id legal_entity_id manager_id",
    "hris_employments": "employee_id",
    "hris_groups": "parent_id",
    "hris_absences": "employee_id approver_id type_id",
    "hris_time_off_balances": "employee_id type_id",
    "hris_timesheets": "employee_id",
    "hris_performance_reviews": "reviewee_id reviewer_id review_cycle_id",
    "hris_staffing_entities": "parent_id",
    "hris_pay_runs": "legal_entity_id",
    "hris_payslips": "employee_id pay_run_id",
    "hris_skill_proficiency_ratings": "employee_id skill_id",
    "ats_jobs": "contact_id",
    "ats_applications": "current_stage_id job_id candidate_id",
    "ats_users": "email",
    "ats_offers": "application_id candidate_id job_id",
    "ats_interviews": "application_id stage_id candidate_id job_id",
    "ats_notes": "candidate_id application_id author_id",
    "ats_scorecards": "candidate_id application_id interview_id author_id",
    "ats_attachments": "candidate_id application_id",
    "lms_users": "work_email",
    "lms_courses": "provider_id",
    "lms_course_progressions": "user_id course_revision_id course_id",
}

#: Table, column of the owner's id, column of the target's id, further columns.
LINKS = (
    ("hris_employees_groups", "employee_id", "group_id", ""),
    ("hris_staffing_entities_locations", "staffing_entity_id", "location_id", ""),
    ("hris_staffing_entities_legal_entities", "staffing_entity_id", "legal_entity_id", ""),
    ("hris_staffing_entities_groups", "staffing_entity_id", "group_id", ""),
    (
        "hris_staffing_entities_skills",
        "staffing_entity_id",
        "skill_id",
        "expected_proficiency json, proficiency_scale_id text",
    ),
    ("ats_jobs_stages", "job_id", "application_stage_id", "position integer"),
    ("ats_jobs_screening_questions", "job_id", "screening_question_id", "position integer, required boolean"),
    ("ats_jobs_hiring_team", "job_id", "user_id", "hiring_team_roles json, job_roles json"),
    ("ats_candidates_tags", "candidate_id", "tag_id", ""),
    ("ats_interviews_users", "interview_id", "user_id", ""),
)

#: Table, column of the owner's id (None: shared by several), own columns, further columns with an index.
CHILDREN: tuple[tuple[str, str | None, str, str], ...] = (
    (
        "hris_skill_proficiency_scales",
        None,
        ("min number, max number, step number, type text, ordered_options json"),
        "",
    ),
    (
        "hris_payslip_line_items",
        "payslip_id",
        ("name text, amount number, currency text, salary_type_id text"),
        "salary_type_id",
    ),
    ("hris_salary_types", None, ("name text"), ""),
    (
        "ats_job_postings",
        "job_id",
        ("title text, description_html text, status text, visibility text, url text, remote_data json"),
        "",
    ),
    (
        "ats_screening_questions",
        None,
        (
            "title text, description text, format json, type text, category text, "
            "precondition_question_id text, precondition_options json"
        ),
        "precondition_question_id",
    ),
    (
        "lms_course_revisions",
        "course_id",
        (
            "title text, description text, remote_url text, status text, remote_created_at timestamp, "
            "remote_deleted_at timestamp, changed_at timestamp, remote_data json, custom_fields json, "
            "integration_fields json, skill_assignments json"
        ),
        "",
    ),
    ("lms_course_providers", None, ("name text"), ""),
)

#: Table -> primary key, columns, indexes (with their condition).
BOOKKEEPING = {
    "sync_integrations": (
        "environment, id",
        """
            environment text required, id text required, origin text required, models json,
            removed_at timestamp, state text, tool text, category text, organisation text, status
            text, setup_status text, data_expired_at timestamp, read_models json, refreshed_at
            timestamp, checked_at timestamp
        """,
        (),
    ),
    "sync_streams": (
        "environment, integration_id, model",
        """
            environment text required, integration_id text required, model text required, mirrored
            boolean required default true, state text required, due_at timestamp, scheduled_at
            timestamp, due_purpose int, lease_owner text, lease_until timestamp, fence integer
            required default 0, watermark timestamp, complete_at timestamp, filters text, walk_id
            text, walk_kind text, walk_updated_after text, walk_filters text, walk_cursor text,
            walk_started_at timestamp, walk_began_at timestamp, walk_pages integer required default
            0, walk_rows integer required default 0, walk_round int required default 1, walk_moved
            boolean required default false, walk_phase text, last_full_walk_at timestamp,
            last_run_at timestamp, last_outcome text, last_error text, failures integer required
            default 0, rows_live integer required default 0, rows_deleted integer required default
            0, changes float required default 0, watched float required default 0
        """,
        (
            "environment due_at where due_at IS NOT NULL",
            "environment lease_owner where lease_owner IS NOT NULL",
        ),
    ),
    "sync_runs": (
        "id",
        """
            id text required, environment text required, integration_id text required, model text
            required, owner text required, started_at timestamp required, ended_at timestamp, kind
            text, outcome text, error text, pages integer required default 0, created integer
            required default 0, updated integer required default 0, unchanged integer required
            default 0, deleted integer required default 0, restored integer required default 0,
            quarantined integer required default 0
        """,
        (
            "ended_at",
            "integration_id model started_at",
        ),
    ),
    "sync_budgets": (
        "environment, key_fingerprint",
        """
            environment text required, key_fingerprint text required, window_number integer
            required, window_limit int, used int required, own int required, flying integer required
            default 0, carried integer required default 0, ends_at float, lasts_until float required
            default 0, length float required, slack float required default 0, probe_until float,
            paced_until float required default 0, confirmed boolean required, refusals integer
            required, waiting text
        """,
        (),
    ),
    "sync_quarantine": (
        "environment, integration_id, model, record_key",
        """
            environment text required, integration_id text required, model text required, record_key
            text required, reason text required, document text required, run_id text required,
            first_seen_at timestamp required, last_seen_at timestamp required
        """,
        (),
    ),
    "sync_seen": (
        "environment, integration_id, model, walk_id, page",
        """
            environment text required, integration_id text required, model text required, walk_id
            text required, page int required, ids text required
        """,
        (),
    ),
    "sync_missing": (
        "environment, integration_id, model, record_id",
        """
            environment text required, integration_id text required, model text required, record_id
            text required, walk_id text required, walks int required, missing_since timestamp
            required, confirmed_by text, held_at timestamp, approved_at timestamp
        """,
        (),
    ),
    "sync_projections": (
        "environment, model",
        """
            environment text required, model text required, fingerprint text required, exclusions
            json required, at_table text, after_id text
        """,
        (),
    ),
}

#: How stale a stream is counts from when its last complete walk began, by the database's own clock.
LAG_SECONDS = {
    "sqlite": "CAST(round((julianday('now') - julianday(s.complete_at)) * 86400) AS INTEGER)",
    "postgresql": "CAST(EXTRACT(EPOCH FROM clock_timestamp() - s.complete_at) AS BIGINT)",
}


def upgrade() -> None:
    for name, own in MIRROR.items():
        create(name, ", ".join((BEFORE, own, AFTER)), key="id")
        for column in ("integration_id", "remote_id", *INDEXED.get(name, "").split()):
            index(name, column)
        index(name, "remote_deleted_at", where="remote_deleted_at IS NOT NULL")
        op.execute(f"CREATE VIEW {name}_live AS SELECT * FROM {name} WHERE remote_deleted_at IS NULL")
    for name, owner, target, more in LINKS:
        create(
            name, ", ".join(filter(None, (f"{owner} text, {target} text", more))), key=f"{owner}, {target}"
        )
        index(name, target)
    for name, shared_by, own, indexed in CHILDREN:
        if shared_by is None:
            key, before = "id", ""
            after = ", content_hash bytes required, mirrored_at timestamp required"
        else:
            key, before, after = f"{shared_by}, position", f"{shared_by} text, position int, ", ""
        common = f"{before}id text required, integration_id text required, remote_id text"
        create(name, f"{common}, {own}, document json required{after}", key=key)
        for column in (*(["id"] if shared_by else []), "integration_id", *indexed.split()):
            index(name, column)
    for name, (key, columns, indexes) in BOOKKEEPING.items():
        create(name, columns, key=key)
        for names in indexes:
            columns, _, where = names.partition(" where ")
            index(name, *columns.split(), where=where or None)
    create_freshness()


def downgrade() -> None:
    op.execute("DROP VIEW mirror_freshness")
    for name in MIRROR:
        op.execute(f"DROP VIEW {name}_live")
    for name in (*MIRROR, *(link[0] for link in LINKS), *(child[0] for child in CHILDREN), *BOOKKEEPING):
        op.drop_table(name)


def create(table: str, columns: str, *, key: str) -> None:
    op.create_table(
        table,
        *(column(words.split(), key.split(", ")) for words in columns.split(",")),
        sa.PrimaryKeyConstraint(*key.split(", "), name=f"pk_{table}"),
    )


def column(words: list[str], key: list[str]) -> sa.Column[object]:
    """``name type [required] [default VALUE]``"""
    name, kind, *more = words
    default = sa.text(more[-1]) if "default" in more else None
    required = "required" in more or name in key
    return sa.Column(name, TYPES[kind](), nullable=not required, server_default=default)


def index(table: str, *columns: str, where: str | None = None) -> None:
    condition = None if where is None else sa.text(where)
    op.create_index(
        f"ix_{table}_{'_'.join(columns)}",
        table,
        list(columns),
        postgresql_where=condition,
        sqlite_where=condition,
    )


def create_freshness() -> None:
    op.execute(
        f"""
        CREATE VIEW mirror_freshness AS
        SELECT s.integration_id, s.model, s.state, s.watermark AS complete_as_of, s.last_full_walk_at,
               s.last_run_at, s.last_outcome, s.last_error, s.rows_live, s.rows_deleted,
               {LAG_SECONDS[op.get_bind().dialect.name]} AS lag_seconds
        FROM sync_streams s
        WHERE s.mirrored
        """
    )
