"""The alerts, of which a receiver is told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from syncer.store.db.types import Timestamp

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sync_alerts",
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("since", Timestamp(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("absent_since", Timestamp()),
        sa.Column("opened_at", Timestamp()),
        sa.Column("over_at", Timestamp()),
        sa.Column("told", sa.Text()),
        sa.Column("told_at", Timestamp()),
        sa.Column("lease_owner", sa.Text()),
        sa.Column("lease_until", Timestamp()),
        sa.PrimaryKeyConstraint("environment", "kind", "subject", name="pk_sync_alerts"),
    )


def downgrade() -> None:
    op.drop_table("sync_alerts")
