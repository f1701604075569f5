"""An index of what monitoring reads of the streams, so that a scrape does not read their whole rows."""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_sync_streams_numbers",
        "sync_streams",
        ["environment", "mirrored", "model", "state", "complete_at", "scheduled_at"],
    )


def downgrade() -> None:
    op.drop_index("ix_sync_streams_numbers", "sync_streams")
