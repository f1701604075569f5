"""Table of the records of all mirrored native lists."""

from __future__ import annotations

from sqlalchemy import Column, Index, PrimaryKeyConstraint, Table

from syncer.store.db.types import Hash, Json, Timestamp
from syncer.store.schema.later_of import last_told
from syncer.store.schema.partial_indexes import partial_index
from syncer.store.schema.state_tables import metadata, text_column

passthrough_records = Table(
    "passthrough_records",
    metadata,
    text_column("environment", "Environment (API key) of the data", required=True),
    text_column("resource", "Name of the native list in the configuration", required=True),
    text_column("integration_id", "Integration that the record came from", required=True),
    text_column("record_key", "Key of the record: its only key, or a JSON list of several", required=True),
    text_column("parent", "Parent value with which the list was requested; null without for_each"),
    text_column("deleted_by", "sweep, for a record that complete lists had no more; null while it lives"),
    Column(
        "remote_deleted_at",
        Timestamp,
        comment="Time at which a sweep marked the record deleted; null while it lives",
    ),
    Column(
        "first_seen_at", Timestamp, nullable=False, comment="Time at which the mirror first wrote the row"
    ),
    Column(
        "last_seen_at",
        Timestamp,
        nullable=False,
        comment="Time at which a list last had the record, as of the last write; exact in the list's view"
        " while the record lives",
    ),
    Column("mirrored_at", Timestamp, nullable=False, comment="Time at which the mirror last wrote the row"),
    Column("content_hash", Hash, nullable=False, comment="Hash of the record, to see whether it changed"),
    Column("columns", Json, comment="Typed columns of the list's view, as a JSON object"),
    Column("document", Json, nullable=False, comment="Whole record as the tool sent it, as JSON"),
    Column(
        "changed_at",
        Timestamp,
        comment="Time at which the record of an added list last changed, as Kombo says; null in native lists",
    ),
    PrimaryKeyConstraint("environment", "resource", "integration_id", "record_key"),
    comment="Records of the mirrored native lists, each of which has a view of its name",
)
Index(None, passthrough_records.c.resource, passthrough_records.c.parent)
# What an added list has been told of since a moment, as each model has it.
Index(
    "ix_passthrough_records_last_told",
    passthrough_records.c.environment,
    passthrough_records.c.resource,
    passthrough_records.c.integration_id,
    last_told(passthrough_records),
)
partial_index(passthrough_records.c.remote_deleted_at, where=passthrough_records.c.remote_deleted_at)
