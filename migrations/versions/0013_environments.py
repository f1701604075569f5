"""Several environments: named in ``mirror_freshness``, one integration in one, projections of all of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from syncer.store.db.types import Json

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

LAG_SECONDS = {
    "sqlite": "CAST(round((julianday('now') - julianday(s.complete_at)) * 86400) AS INTEGER)",
    "postgresql": "CAST(EXTRACT(EPOCH FROM clock_timestamp() - s.complete_at) AS BIGINT)",
}
DEFAULT = "default"


def upgrade() -> None:
    # The last column: so other people's views on it need not be dropped.
    create_freshness("CREATE OR REPLACE VIEW", ", s.environment")
    op.create_index("ix_sync_integrations_id", "sync_integrations", ["id"], unique=True)
    remake_projections([], "model")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP VIEW mirror_freshness")
    create_freshness("CREATE VIEW", "")
    op.drop_index("ix_sync_integrations_id", "sync_integrations")
    environment = sa.Column("environment", sa.Text(), nullable=False)
    remake_projections([environment], "environment", "model")


def create_freshness(create: str, environment: str) -> None:
    dialect = op.get_bind().dialect.name
    if dialect == "sqlite":
        op.execute("DROP VIEW mirror_freshness")
        create = "CREATE VIEW"
    op.execute(
        f"""
        {create} mirror_freshness AS
        SELECT s.integration_id, s.model, s.state, s.watermark AS complete_as_of, s.last_full_walk_at,
               s.last_run_at, s.last_outcome, s.last_error, s.rows_live, s.rows_deleted,
               {LAG_SECONDS[dialect]} AS lag_seconds{environment}
        FROM sync_streams s
        WHERE s.mirrored
        """
    )


def remake_projections(before: list[sa.Column[str]], *key: str) -> None:
    """Make the table anew with another key: SQLite cannot change one, and there are few rows.

    What is half done begins anew, without ``after_id``: keys of rows begin with the environment from now on.
    """
    columns = "model, fingerprint, exclusions, at_table, key_members, history"
    op.execute(f"CREATE TABLE sync_projections_before AS SELECT {columns} FROM sync_projections")
    op.drop_table("sync_projections")
    op.create_table(
        "sync_projections",
        *before,
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("exclusions", Json(), nullable=False),
        sa.Column("at_table", sa.Text()),
        sa.Column("after_id", sa.Text()),
        sa.Column("key_members", Json()),
        sa.Column("history", Json()),
        sa.PrimaryKeyConstraint(*key, name="pk_sync_projections"),
    )
    names = "".join(f"{column.name}, " for column in before)
    values = f"'{DEFAULT}', " * len(before)
    op.execute(
        f"INSERT INTO sync_projections ({names}{columns}) "
        f"SELECT {values}{columns} FROM sync_projections_before"
    )
    op.drop_table("sync_projections_before")
