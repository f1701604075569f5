"""Erasures: receipts, traces of what is erased, and their key."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from syncer.store.db.types import Hash, Json, Timestamp

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sync_erased",
        sa.Column("receipt", sa.Text(), nullable=False),
        sa.Column("trace", Hash(), nullable=False),
        sa.PrimaryKeyConstraint("receipt", "trace", name="pk_sync_erased"),
    )
    op.create_table(
        "sync_erasures",
        sa.Column("receipt", sa.Text(), nullable=False),
        sa.Column("at", Timestamp(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("integration_id", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("alone", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("erased", Json(), nullable=False),
        sa.Column("mentioned", Json(), nullable=False),
        sa.Column("finished_at", Timestamp()),
        sa.Column("undone_at", Timestamp()),
        sa.PrimaryKeyConstraint("receipt", name="pk_sync_erasures"),
    )
    op.create_table(
        "sync_erasure_key",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text()),
        sa.Column("version", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sync_erasure_key"),
    )


def downgrade() -> None:
    for name in ("sync_erasure_key", "sync_erasures", "sync_erased"):
        op.drop_table(name)
