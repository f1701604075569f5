"""Tables of the change feed: the changes, the numbers that were given, and how far its consumers are."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, PrimaryKeyConstraint, Table, text

from syncer.store.db.types import Json, Timestamp
from syncer.store.schema.partial_indexes import partial_index
from syncer.store.schema.state_tables import metadata, text_column

#: Sequence numbers; on SQLite the row's own number, so that the table needs no index besides.
_SEQUENCE = BigInteger().with_variant(Integer, "sqlite")

changes = Table(
    "mirror_changes",
    metadata,
    Column(
        "sequence",
        _SEQUENCE,
        autoincrement=False,
        nullable=False,
        comment="Number of the change: dense, in the order in which changes were committed",
    ),
    Column("at", Timestamp, nullable=False, comment="Time of the change, by the database's clock"),
    text_column("environment", "Environment (API key) of the data", required=True),
    text_column("integration_id", "Id of the integration at Kombo", required=True),
    text_column("model", "Name of the model or native list", required=True),
    text_column("record_id", "Kombo's id of the record, or its key in a native list", required=True),
    text_column("operation", "Operation: created, updated, deleted, restored or erased", required=True),
    Column("members", Json, comment="Names of the members that changed, as a JSON list; null for created"),
    Column("before", Json, comment="Former values of these members, where `[changes] before` keeps them"),
    PrimaryKeyConstraint("sequence"),
    comment="Change feed: each change of a row, written in the transaction that changed it",
)
partial_index(changes.c.model, changes.c.record_id, where=changes.c.before)

feed = Table(
    "sync_feed",
    metadata,
    Column("id", Integer, autoincrement=False, nullable=False, comment="Always 1: there is one feed"),
    Column(
        "newest",
        BigInteger,
        nullable=False,
        server_default=text("0"),
        comment="Last sequence number that was given; its row is locked from then to the commit",
    ),
    Column(
        "dropped",
        BigInteger,
        nullable=False,
        server_default=text("0"),
        comment="Last sequence number whose change is too old to be kept",
    ),
    PrimaryKeyConstraint("id"),
    comment="Numbers of the change feed",
)

consumers = Table(
    "sync_consumers",
    metadata,
    text_column("name", "Name of the consumer or delivery", required=True),
    Column(
        "sequence",
        BigInteger,
        nullable=False,
        comment="Sequence number up to which it has acknowledged the change feed",
    ),
    Column("updated_at", Timestamp, nullable=False, comment="Time of its last acknowledgement"),
    PrimaryKeyConstraint("name"),
    comment="Consumers of the change feed, and how far each has read",
)
