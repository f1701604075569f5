"""What the keys of native lists are made of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from syncer.store.db.types import Json

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Null where rows are there already: nobody knows what their keys were made of.
    op.add_column("sync_projections", sa.Column("key_members", Json()))


def downgrade() -> None:
    op.drop_column("sync_projections", "key_members")
