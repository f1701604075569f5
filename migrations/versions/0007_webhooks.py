"""Webhooks: the events, and what streams and runs know of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from syncer.store.db.types import Json, Timestamp

revision = "0007"
down_revision = "0005"
branch_labels = None
depends_on = None

_HAS_ACTION = sa.text("action IS NOT NULL")
_IS_OPEN = sa.text("handled_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "sync_webhook_events",
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text()),
        sa.Column("integration_id", sa.Text()),
        sa.Column("models", Json()),
        sa.Column("arrived_at", Timestamp(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("note", sa.Text()),
        sa.Column("action", sa.Text()),
        sa.Column("handled_at", Timestamp()),
        sa.Column("repeats", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("environment", "id", name="pk_sync_webhook_events"),
    )
    op.create_index("ix_sync_webhook_events_arrived_at", "sync_webhook_events", ["arrived_at"])
    op.create_index(
        "ix_sync_webhook_events_environment_arrived_at",
        "sync_webhook_events",
        ["environment", "arrived_at"],
        postgresql_where=_HAS_ACTION,
        sqlite_where=_HAS_ACTION,
    )
    op.create_index(
        "ix_sync_webhook_events_integration_id",
        "sync_webhook_events",
        ["integration_id", "arrived_at"],
        postgresql_where=_IS_OPEN,
        sqlite_where=_IS_OPEN,
    )
    op.create_table(
        "sync_unknown_models",
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("first_told_at", Timestamp(), nullable=False),
        sa.Column("last_told_at", Timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("environment", "name", name="pk_sync_unknown_models"),
    )
    op.add_column("sync_streams", sa.Column("told_at", Timestamp()))
    op.add_column("sync_streams", sa.Column("pause_until", Timestamp()))
    op.add_column("sync_runs", sa.Column("told_at", Timestamp()))


def downgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    if is_sqlite:
        # Else it drops no column while any view shows a table that is not there.
        op.execute("PRAGMA writable_schema = ON")
    op.drop_column("sync_runs", "told_at")
    op.drop_column("sync_streams", "pause_until")
    op.drop_column("sync_streams", "told_at")
    if is_sqlite:
        op.execute("PRAGMA writable_schema = OFF")
    op.drop_table("sync_unknown_models")
    op.drop_table("sync_webhook_events")
