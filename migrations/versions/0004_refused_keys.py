"""The API keys that Kombo refuses."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from syncer.store.db.types import Timestamp

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sync_refused_keys",
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("key_fingerprint", sa.Text(), nullable=False),
        sa.Column("refused_since", Timestamp(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("environment", "key_fingerprint", name="pk_sync_refused_keys"),
    )


def downgrade() -> None:
    op.drop_table("sync_refused_keys")
