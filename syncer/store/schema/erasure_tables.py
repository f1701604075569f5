"""Tables of erasures: their receipts, the traces of what is erased, and the key that these are made with."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Integer, PrimaryKeyConstraint, Table

from syncer.store.db.types import Hash, Json
from syncer.store.schema.state_tables import metadata, moment_column, text_column

erased = Table(
    "sync_erased",
    metadata,
    text_column("receipt", "Receipt of the erasure", required=True),
    Column(
        "trace",
        Hash,
        nullable=False,
        comment="Keyed hash of an id of an erased record, by which it is known when it comes again",
    ),
    PrimaryKeyConstraint("receipt", "trace"),
    comment="What is erased, and is not stored again: hashes, and nothing else of the records",
)

erasures = Table(
    "sync_erasures",
    metadata,
    text_column("receipt", "Receipt of the erasure", required=True),
    moment_column("at", "Time of the erasure, by the database's clock", required=True),
    text_column("environment", "Environment (API key) of the data", required=True),
    text_column("integration_id", "Id of the integration at Kombo", required=True),
    text_column("model", "Name of the model or native list", required=True),
    Column("alone", Boolean, nullable=False, comment="Whether what is about the record was left (--only)"),
    text_column("reason", "Words of whoever erased it (--reason)"),
    Column("erased", Json, nullable=False, comment="Rows that were erased, by table, as a JSON object"),
    Column(
        "mentioned",
        Json,
        nullable=False,
        comment="Rows that stay and lost what they said of it, by table, as a JSON object",
    ),
    moment_column("finished_at", "Time at which no copy was left anywhere; null: that is under way"),
    moment_column("undone_at", "Time since which it may be read again; null: it may not"),
    PrimaryKeyConstraint("receipt"),
    comment="Receipts of erasures, without anything personal",
)

erasure_key = Table(
    "sync_erasure_key",
    metadata,
    Column("id", Integer, autoincrement=False, nullable=False, comment="Always 1: there is one key"),
    text_column("key", "Key that traces are made with, as hexadecimal digits; null before the first erasure"),
    text_column(
        "version",
        "Changes with what is erased or forgotten: what a process knows of that is out of date then",
        required=True,
    ),
    PrimaryKeyConstraint("id"),
    comment="Key of the traces of what is erased, made with the first erasure",
)
