"""Parameters that lists have refused, so that they are not sent with every request."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from syncer.store.db.types import Timestamp

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sync_refused_parameters",
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("integration_id", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("parameter", sa.Text(), nullable=False),
        sa.Column("refused_at", Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint(
            "environment", "integration_id", "model", "parameter", name="pk_sync_refused_parameters"
        ),
    )


def downgrade() -> None:
    op.drop_table("sync_refused_parameters")
