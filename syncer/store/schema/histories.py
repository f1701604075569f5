"""Table of the histories: which mirror tables have versions, and of which time."""

from __future__ import annotations

from sqlalchemy import Column, PrimaryKeyConstraint, Table

from syncer.store.db.types import Timestamp
from syncer.store.schema.state_tables import metadata, text_column

history = Table(
    "mirror_history",
    metadata,
    text_column("name", "Name of the mirror table; its versions are in <name>_history", required=True),
    Column(
        "since",
        Timestamp,
        comment="Time from which on its versions are without a gap; it moves on as old ones are dropped;"
        " null: none yet",
    ),
    Column("until", Timestamp, comment="Time at which its history was switched off; null: it is kept"),
    PrimaryKeyConstraint("name"),
    comment="Histories: the mirror tables of which versions are kept, or were",
)
