"""What webhooks ask for, counted in the rate-limit budget; an index of the queue of due streams."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "sync_budgets", sa.Column("by_webhooks", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column(
        "sync_budgets",
        sa.Column("webhooks_expected", sa.Float(), server_default=sa.text("0"), nullable=False),
    )
    is_due = sa.text("due_at IS NOT NULL")
    op.create_index(
        "ix_sync_streams_due_queue",
        "sync_streams",
        ["environment", "due_purpose", "due_at", "integration_id", "model"],
        postgresql_where=is_due,
        sqlite_where=is_due,
    )


def downgrade() -> None:
    op.drop_index("ix_sync_streams_due_queue", "sync_streams")
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    if is_sqlite:
        # Else it drops no column while any view shows a table that is not there.
        op.execute("PRAGMA writable_schema = ON")
    op.drop_column("sync_budgets", "webhooks_expected")
    op.drop_column("sync_budgets", "by_webhooks")
    if is_sqlite:
        op.execute("PRAGMA writable_schema = OFF")
