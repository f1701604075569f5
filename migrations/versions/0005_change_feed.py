"""The change feed, its numbers and its consumers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from syncer.store.db.types import Json, Timestamp

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_HAS_BEFORE = sa.text('"before" IS NOT NULL')


def upgrade() -> None:
    op.create_table(
        "mirror_changes",
        sa.Column(
            "sequence",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("at", Timestamp(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("integration_id", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("members", Json()),
        sa.Column("before", Json()),
        sa.PrimaryKeyConstraint("sequence", name="pk_mirror_changes"),
    )
    op.create_index(
        "ix_mirror_changes_model_record_id",
        "mirror_changes",
        ["model", "record_id"],
        postgresql_where=_HAS_BEFORE,
        sqlite_where=_HAS_BEFORE,
    )
    op.create_table(
        "sync_feed",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("newest", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("dropped", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sync_feed"),
    )
    op.execute("INSERT INTO sync_feed (id) VALUES (1)")
    op.create_table(
        "sync_consumers",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_sync_consumers"),
    )


def downgrade() -> None:
    op.drop_table("sync_consumers")
    op.drop_table("sync_feed")
    op.drop_table("mirror_changes")
