"""When records of added lists changed, as a column, and their index by when they were last told of.

The column is filled by the re-projection that this version begins with, and by what is written. Where there
are rows the index is built after the upgrade, beside those who write.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from syncer.store.db.types import Timestamp

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

TABLE, INDEX = "passthrough_records", "ix_passthrough_records_last_told"
#: When a row was last told of; SQLite's max is null where any of its values is.
TOLD = {
    "postgresql": "greatest(changed_at, mirrored_at)",
    "sqlite": "max(coalesce(changed_at, mirrored_at), mirrored_at)",
}


def upgrade() -> None:
    connection = op.get_bind()
    present = set(sa.inspect(connection).get_table_names())
    # One that somebody has renamed or dropped is a trouble of its streams alone. Where there is no table the
    # statements are only written, and all of them are going to be.
    if present and TABLE not in present:
        return
    op.add_column(TABLE, sa.Column("changed_at", Timestamp()))
    if not present or not connection.execute(sa.text(f"SELECT EXISTS (SELECT 1 FROM {TABLE})")).scalar():
        told = sa.text(TOLD[connection.dialect.name])
        op.create_index(INDEX, TABLE, ["environment", "resource", "integration_id", told])


def downgrade() -> None:
    if TABLE in sa.inspect(op.get_bind()).get_table_names():
        op.drop_index(INDEX, TABLE, if_exists=True)
        op.drop_column(TABLE, "changed_at")
