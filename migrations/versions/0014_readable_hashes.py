"""Hashes of records that every tool can read: uuid on PostgreSQL, not bytea; no live view shows them."""

from __future__ import annotations

from collections.abc import Iterator

from alembic import op
from sqlalchemy import Connection, inspect

from syncer.store.schema.other_views import without_other_views

revision = "0014"
down_revision = "0010"
branch_labels = None
depends_on = None

MODELS = (
    "hris_employees",
    "hris_employments",
    "hris_groups",
    "hris_locations",
    "hris_legal_entities",
    "hris_absence_types",
    "hris_absences",
    "hris_time_off_balances",
    "hris_timesheets",
    "hris_employee_document_categories",
    "hris_performance_review_cycles",
    "hris_performance_reviews",
    "hris_staffing_entities",
    "hris_pay_runs",
    "hris_payslips",
    "hris_skills",
    "hris_skill_proficiency_ratings",
    "ats_jobs",
    "ats_applications",
    "ats_candidates",
    "ats_application_stages",
    "ats_tags",
    "ats_users",
    "ats_roles",
    "ats_offers",
    "ats_rejection_reasons",
    "ats_interviews",
    "ats_notes",
    "ats_scorecards",
    "ats_attachments",
    "lms_users",
    "lms_courses",
    "lms_course_progressions",
    "lms_skills",
    "assessment_orders",
)
OTHERS = (
    "hris_skill_proficiency_scales",
    "hris_salary_types",
    "ats_screening_questions",
    "lms_course_providers",
    "passthrough_records",
)
#: What was blanked had an empty hash.
NOTHING = "decode(repeat('00', 16), 'hex')"
AS_UUID = f"encode(CASE length(content_hash) WHEN 16 THEN content_hash ELSE {NOTHING} END, 'hex')::uuid"
AS_BYTES = "decode(replace(content_hash::text, '-', ''), 'hex')"


def upgrade() -> None:
    change("uuid", AS_UUID, lost="NULL::uuid", shown=without_hash)


def downgrade() -> None:
    change("bytea", AS_BYTES, lost=None, shown=everything)


def change(type_: str, using: str, *, lost: str | None, shown) -> None:  # type: ignore[no-untyped-def]
    connection = op.get_bind()
    # Those that somebody has renamed or dropped are a trouble of their streams alone.
    present = set(inspect(connection).get_table_names())
    views = {f"{name}_live": name for name in MODELS if name in present}
    if connection.dialect.name == "sqlite":
        replace_views(connection, views, shown)
        return
    tables = [name for name in hashed() if name in present]
    with without_other_views(connection, tables, "content_hash", views, lost=lost):
        for view in views:
            op.execute(f"DROP VIEW IF EXISTS {view}")
        for name in tables:
            op.execute(f"ALTER TABLE {name} ALTER COLUMN content_hash TYPE {type_} USING {using}")
        replace_views(connection, views, shown)


def hashed() -> Iterator[str]:
    for name in (*MODELS, *OTHERS):
        yield from (name, f"{name}_history")


def replace_views(connection: Connection, views: dict[str, str], shown) -> None:  # type: ignore[no-untyped-def]
    for view, table in views.items():
        op.execute(f"DROP VIEW IF EXISTS {view}")
        columns = shown(connection, table)
        live = f"SELECT {columns} FROM {table} WHERE remote_deleted_at IS NULL"
        op.execute(f"CREATE VIEW {view} AS {live}")


def without_hash(connection: Connection, table: str) -> str:
    names = (column["name"] for column in inspect(connection).get_columns(table))
    return ", ".join(f'"{name}"' for name in names if name != "content_hash")


def everything(connection: Connection, table: str) -> str:
    return "*"
