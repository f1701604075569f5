"""Native lists: the table of their records, and how many pages a stream's last full walk had."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from syncer.store.db.types import Json, Timestamp

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

#: Views that show the table, by the database's own book.
VIEWS = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'view' AND sql LIKE '%passthrough_records%'",
    "postgresql": "SELECT viewname FROM pg_views WHERE schemaname = current_schema()"
    " AND definition LIKE '%passthrough_records%'",
}
#: What keeps account of streams, which an older version has only of models.
ACCOUNTS = ("sync_streams", "sync_seen", "sync_missing", "sync_quarantine", "sync_projections")


def upgrade() -> None:
    op.create_table(
        "passthrough_records",
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("integration_id", sa.Text(), nullable=False),
        sa.Column("record_key", sa.Text(), nullable=False),
        sa.Column("parent", sa.Text()),
        sa.Column("deleted_by", sa.Text()),
        sa.Column("remote_deleted_at", Timestamp()),
        sa.Column("first_seen_at", Timestamp(), nullable=False),
        sa.Column("last_seen_at", Timestamp(), nullable=False),
        sa.Column("mirrored_at", Timestamp(), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("columns", Json()),
        sa.Column("document", Json(), nullable=False),
        sa.PrimaryKeyConstraint(
            "environment", "resource", "integration_id", "record_key", name="pk_passthrough_records"
        ),
    )
    op.create_index("ix_passthrough_records_resource_parent", "passthrough_records", ["resource", "parent"])
    marked = sa.text("remote_deleted_at IS NOT NULL")
    op.create_index(
        "ix_passthrough_records_remote_deleted_at",
        "passthrough_records",
        ["remote_deleted_at"],
        postgresql_where=marked,
        sqlite_where=marked,
    )
    op.add_column("sync_streams", sa.Column("full_pages", sa.BigInteger()))


def downgrade() -> None:
    connection = op.get_bind()
    dialect = connection.dialect.name
    # First: SQLite drops no column while a view shows another one that is not there.
    op.drop_column("sync_streams", "full_pages")
    # One may show another.
    others = " CASCADE" if dialect == "postgresql" else ""
    for (view,) in connection.execute(sa.text(VIEWS[dialect])).all():
        op.execute(f'DROP VIEW IF EXISTS "{view}"{others}')
    op.drop_table("passthrough_records")
    # A model has a table of its name.
    models = sa.inspect(connection).get_table_names()
    for account in ACCOUNTS:
        of = sa.table(account, sa.column("model"))
        connection.execute(sa.delete(of).where(of.c.model.not_in(models)))
