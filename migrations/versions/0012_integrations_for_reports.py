"""Integrations as reports see them, and the integrations that a reading role is limited to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sync_integrations", sa.Column("origin_id", sa.Text()))
    op.create_table(
        "sync_readers",
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("integration_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("role", "integration_id", name="pk_sync_readers"),
    )
    op.execute(
        """
        CREATE VIEW mirror_integrations AS
        SELECT i.id AS integration_id, i.environment, i.tool, i.organisation, i.origin_id,
               CASE WHEN i.removed_at IS NULL THEN i.state ELSE 'removed' END AS state
        FROM sync_integrations i
        """
    )


def downgrade() -> None:
    op.execute("DROP VIEW mirror_integrations")
    op.drop_table("sync_readers")
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    if is_sqlite:
        # Else it drops no column while any view shows a table that is not there.
        op.execute("PRAGMA writable_schema = ON")
    op.drop_column("sync_integrations", "origin_id")
    if is_sqlite:
        op.execute("PRAGMA writable_schema = OFF")
