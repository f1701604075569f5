"""Versions of rows: which tables have them, and which lists write them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from syncer.store.db.types import Json, Timestamp

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mirror_history",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("since", Timestamp()),
        sa.Column("until", Timestamp()),
        sa.PrimaryKeyConstraint("name", name="pk_mirror_history"),
    )
    op.add_column("sync_projections", sa.Column("history", Json()))


def downgrade() -> None:
    for name in op.get_bind().scalars(sa.text("SELECT name FROM mirror_history")).all():
        op.drop_table(f"{name}_history")
    op.drop_column("sync_projections", "history")
    op.drop_table("mirror_history")
