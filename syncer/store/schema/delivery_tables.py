"""Table of deliveries: how each is, and the message under way."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, PrimaryKeyConstraint, Table, text

from syncer.store.db.types import Timestamp
from syncer.store.schema.state_tables import metadata, text_column

deliveries = Table(
    "sync_deliveries",
    metadata,
    text_column("name", "Name of the delivery, and of the consumer that it is", required=True),
    text_column("state", "State: active, paused by a person or stopped by the receiver", required=True),
    Column("state_since", Timestamp, nullable=False, comment="Time since which it has that state"),
    text_column(
        "message_nonce",
        "Random part of the id of the message under way; null: none is",
    ),
    Column("message_after", BigInteger, comment="Sequence number after which this message begins"),
    Column("message_until", BigInteger, comment="Last sequence number that this message is about"),
    Column(
        "failures",
        Integer,
        nullable=False,
        server_default=text("0"),
        comment="Attempts in a row that have failed",
    ),
    Column("failing_since", Timestamp, comment="Time of the first of these"),
    Column("next_attempt_at", Timestamp, comment="Time before which it is not tried again"),
    Column("last_status", Integer, comment="HTTP status of the last answer; null: none came"),
    text_column("last_error", "What was wrong with the last attempt, in a sentence; null: nothing"),
    Column("last_success_at", Timestamp, comment="Time at which the receiver last accepted a message"),
    text_column("lease_owner", "Process that is sending; null: none is"),
    Column("lease_until", Timestamp, comment="Time at which another process may send in its place"),
    PrimaryKeyConstraint("name"),
    comment="Deliveries of the change feed, and how each is",
)
