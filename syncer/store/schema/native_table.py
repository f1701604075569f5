"""The table of all records of mirrored native lists, whichever they belong to."""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, PrimaryKeyConstraint, Table

from syncer.store.db.types import Json, Timestamp
from syncer.store.schema.state_tables import metadata, partial_index, text_column

passthrough_records = Table(
    "passthrough_records",
    metadata,
    text_column("environment", "Which API key's data", required=True),
    text_column("resource", "The native list, as it is named in the configuration", required=True),
    text_column("integration_id", "The integration that the record came from", required=True),
    text_column(
        "record_key", "What identifies the record: its only key, or a JSON list of them", required=True
    ),
    text_column("parent", "The value of the mirror's row that it was asked for; null without for_each"),
    text_column("deleted_by", "sweep where complete lists had it no more; null while it lives"),
    Column("remote_deleted_at", Timestamp, comment="When a sweep found the record gone; null while it lives"),
    Column("first_seen_at", Timestamp, nullable=False, comment="When this mirror first wrote the row"),
    Column(
        "last_seen_at",
        Timestamp,
        nullable=False,
        comment="When a list last brought it, as of the last write; while it lives the list's view says"
        " it exactly",
    ),
    Column("mirrored_at", Timestamp, nullable=False, comment="When this mirror last wrote the row"),
    Column(
        "content_hash", LargeBinary, nullable=False, comment="Hash of the record, to see whether it changed"
    ),
    Column("columns", Json, comment="The typed columns of the list's view, as a JSON object"),
    Column("document", Json, nullable=False, comment="The whole record as the tool sent it, as JSON"),
    PrimaryKeyConstraint("environment", "resource", "integration_id", "record_key"),
    comment="Records of native lists that the configuration asks to mirror, each with a view of its name",
)
Index(None, passthrough_records.c.resource, passthrough_records.c.parent)
partial_index(passthrough_records.c.remote_deleted_at, where=passthrough_records.c.remote_deleted_at)
