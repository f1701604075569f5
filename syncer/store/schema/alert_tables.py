"""Table of alerts: the troubles that are there, and what the receiver of messages was told of each."""

from __future__ import annotations

from sqlalchemy import PrimaryKeyConstraint, Table

from syncer.store.schema.state_tables import metadata, moment_column, text_column

alerts = Table(
    "sync_alerts",
    metadata,
    text_column(
        "environment",
        "Environment (API key) of the trouble; empty for deliveries, which have none",
        required=True,
    ),
    text_column(
        "kind", "Kind: key_refused, failing, stale, held, differing or delivery_stuck", required=True
    ),
    text_column("subject", "Integration, delivery or environment that is in trouble", required=True),
    text_column("state", "State: pending (not for long enough yet), open or over", required=True),
    moment_column("since", "Time at which the trouble began, as far as known", required=True),
    text_column("description", "Trouble, in words of ours and numbers", required=True),
    moment_column("absent_since", "Time since which the trouble is not seen any more; null: it is there"),
    moment_column("opened_at", "Time at which it had lasted for long enough; null: it has not yet"),
    moment_column("over_at", "Time at which it was over; null: it is not"),
    text_column("told", "State that the receiver was last told, open or over; null: nothing"),
    moment_column("told_at", "Time at which the receiver accepted that"),
    text_column("lease_owner", "Process that is sending a message of it; null: none is"),
    moment_column("lease_until", "Time at which another process may send in its place"),
    PrimaryKeyConstraint("environment", "kind", "subject"),
    comment="Alerts: troubles of which the receiver in [alerts] is told, and those of the last days",
)
