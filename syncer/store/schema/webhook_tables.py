"""Tables of what Kombo told: the events of webhooks, and names of models that nobody here knows."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, PrimaryKeyConstraint, Table, text

from syncer.store.db.types import Json, Timestamp
from syncer.store.schema.partial_indexes import conditional_index, partial_index
from syncer.store.schema.state_tables import metadata, text_column

webhook_events = Table(
    "sync_webhook_events",
    metadata,
    text_column("environment", "Environment (API key) of the data", required=True),
    text_column("id", "Kombo's id of the event, or one of ours where it has none", required=True),
    text_column("type", "Type of the event; null: none that is known"),
    text_column("integration_id", "Id of the integration at Kombo; null: none was named"),
    Column("models", Json, comment="Names of the changed models, as a JSON list; null: none were named"),
    Column("arrived_at", Timestamp, nullable=False, comment="Arrival, by the database's clock"),
    text_column("outcome", "Outcome: accepted or ignored", required=True),
    text_column(
        "note",
        "Why it was ignored: not_readable, unknown_type, not_mirrored or no_effect; or what came of it for"
        " its integration: discovered, refreshed, kept, marked, purged or refuted (Kombo knows it still)",
    ),
    text_column(
        "action",
        "What is to be done about it: apply (its effect has not been found yet), or for its integration"
        " discover, refresh or delete",
    ),
    Column(
        "handled_at",
        Timestamp,
        comment="Time since which nothing of it is left to do: all its news has been read; null: not yet",
    ),
    Column(
        "repeats",
        BigInteger,
        nullable=False,
        server_default=text("0"),
        comment="How often it came again; that has no effect",
    ),
    PrimaryKeyConstraint("environment", "id"),
    comment="Webhooks of the last 7 days: what each told of, and what became of it; nothing else of them",
)
Index(None, webhook_events.c.arrived_at)
partial_index(webhook_events.c.environment, webhook_events.c.arrived_at, where=webhook_events.c.action)
conditional_index(
    webhook_events.c.integration_id,
    webhook_events.c.arrived_at,
    where=webhook_events.c.handled_at.is_(None),
    name="ix_sync_webhook_events_integration_id",
)

unknown_models = Table(
    "sync_unknown_models",
    metadata,
    text_column("environment", "Environment (API key) of the data", required=True),
    text_column("name", "Name that Kombo gave for a model", required=True),
    Column("first_told_at", Timestamp, nullable=False, comment="Time at which it was first told of"),
    Column("last_told_at", Timestamp, nullable=False, comment="Time at which it was last told of, to a day"),
    PrimaryKeyConstraint("environment", "name"),
    comment="Names of models in webhooks, and of those that integrations offer, that nobody here knows",
)
