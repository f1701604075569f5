"""Table of the roles of PostgreSQL that read the rows of some integrations alone."""

from __future__ import annotations

from sqlalchemy import PrimaryKeyConstraint, Table

from syncer.store.schema.state_tables import metadata, text_column

readers = Table(
    "sync_readers",
    metadata,
    text_column("role", "Role of PostgreSQL that is limited to some integrations", required=True),
    text_column("integration_id", "Id of an integration whose rows it reads", required=True),
    PrimaryKeyConstraint("role", "integration_id"),
    comment="Roles of PostgreSQL that read the rows of some integrations alone; others read all",
)
