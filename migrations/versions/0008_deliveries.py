"""The deliveries of the change feed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from syncer.store.db.types import Timestamp

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sync_deliveries",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("state_since", Timestamp(), nullable=False),
        sa.Column("message_nonce", sa.Text()),
        sa.Column("message_after", sa.BigInteger()),
        sa.Column("message_until", sa.BigInteger()),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failing_since", Timestamp()),
        sa.Column("next_attempt_at", Timestamp()),
        sa.Column("last_status", sa.Integer()),
        sa.Column("last_error", sa.Text()),
        sa.Column("last_success_at", Timestamp()),
        sa.Column("lease_owner", sa.Text()),
        sa.Column("lease_until", Timestamp()),
        sa.PrimaryKeyConstraint("name", name="pk_sync_deliveries"),
    )


def downgrade() -> None:
    op.drop_table("sync_deliveries")
