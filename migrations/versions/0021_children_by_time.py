"""Indexes of the records without a list of their own: those of an integration by when they were written.

Where there are rows they are built after the upgrade, beside those who write.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import inspect, text

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

TABLES = (
    "ats_screening_questions",
    "hris_salary_types",
    "hris_skill_proficiency_scales",
    "lms_course_providers",
)


def upgrade() -> None:
    connection = op.get_bind()
    present = set(inspect(connection).get_table_names())
    # Those that somebody has renamed or dropped are a trouble of their streams alone. Where there is no table
    # the statements are only written, and all of them are going to be.
    for name in [each for each in TABLES if each in present or not present]:
        op.drop_index(f"ix_{name}_integration_id", name, if_exists=True)
        if (
            name not in present
            or not connection.execute(text(f"SELECT EXISTS (SELECT 1 FROM {name})")).scalar()
        ):
            op.create_index(f"ix_{name}_integration_id_mirrored_at", name, ["integration_id", "mirrored_at"])


def downgrade() -> None:
    present = set(inspect(op.get_bind()).get_table_names())
    for name in [each for each in TABLES if each in present]:
        op.drop_index(f"ix_{name}_integration_id_mirrored_at", name, if_exists=True)
        op.create_index(f"ix_{name}_integration_id", name, ["integration_id"])
