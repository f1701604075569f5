"""Last verification of each stream by the service."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from syncer.store.db.types import Timestamp

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

COUNTS = (
    "records",
    "differing",
    "missing",
    "extra",
    "different",
    "deleted",
    "projected",
    "newer",
    "stale_copies",
    "unsettled",
)


def upgrade() -> None:
    op.create_table(
        "sync_verifications",
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("integration_id", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("began_at", Timestamp(), nullable=False),
        sa.Column("ended_at", Timestamp()),
        sa.Column("verdict", sa.Text()),
        sa.Column("reason", sa.Text()),
        sa.Column("source_time", Timestamp()),
        *(sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False) for name in COUNTS),
        sa.Column("digest", sa.Text()),
        sa.Column("mirror_digest", sa.Text()),
        sa.Column("lease_owner", sa.Text()),
        sa.Column("lease_until", Timestamp()),
        sa.PrimaryKeyConstraint("environment", "integration_id", "model", name="pk_sync_verifications"),
    )


def downgrade() -> None:
    op.drop_table("sync_verifications")
