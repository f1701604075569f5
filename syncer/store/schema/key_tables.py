"""Tables of the API keys: the request limit of each, and which Kombo refuses."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Integer, PrimaryKeyConstraint, Table

from syncer.store.schema.state_tables import count_column, metadata, moment_column, number_column, text_column

budgets = Table(
    "sync_budgets",
    metadata,
    text_column("environment", "Environment (API key) of the data", required=True),
    text_column("key_fingerprint", "Hash of the API key, never the key", required=True),
    Column("window_number", BigInteger, nullable=False, comment="Grows with every window of the rate limit"),
    Column("window_limit", Integer, comment="Requests per window, as Kombo says; null: not known yet"),
    Column("used", Integer, nullable=False, comment="Requests of this window, ours and other users'"),
    Column("sent", Integer, nullable=False, comment="Requests of this window that we sent"),
    count_column("in_flight", "Requests of this window that are not answered yet"),
    count_column(
        "in_flight_previous",
        "Requests of the former window that are not answered yet; they may count in this one",
    ),
    Column("ends_at", Float, comment="End of the window, seconds since 1970 by the database's clock"),
    number_column("earliest_end", "The window does not end before"),
    Column("length", Float, nullable=False, comment="Seconds of a window, as last seen"),
    number_column("reset_skew", "Seconds to wait after the end; above 0 where Kombo rounds its resets down"),
    Column("probe_until", Float, comment="Others wait until then for the request that learns the window"),
    number_column("paced_until", "Reads wait until then where they are spread over the window"),
    Column("confirmed", Boolean, nullable=False, comment="An answer of this window has told how it stands"),
    Column("refusals", BigInteger, nullable=False, comment="Answers 429 so far; none is normal"),
    text_column(
        "waiting", "Which processes wait for leave to send, as JSON text: owner, purpose, count, until"
    ),
    count_column("by_webhooks", "Requests of this window that webhooks asked for"),
    number_column(
        "webhooks_expected", "As many of a window as webhooks asked for in those before; kept for them"
    ),
    PrimaryKeyConstraint("environment", "key_fingerprint"),
    comment="The request budget of an API key, shared by everything that uses it",
)

refused_keys = Table(
    "sync_refused_keys",
    metadata,
    text_column("environment", "Environment (API key) of the data", required=True),
    text_column("key_fingerprint", "Hash of the API key, never the key", required=True),
    moment_column("refused_since", "Time at which Kombo first refused it", required=True),
    text_column("error", "Refusal, in a sentence", required=True),
    PrimaryKeyConstraint("environment", "key_fingerprint"),
    comment="API keys that Kombo refuses, as far as known; a key that it accepts again leaves the table",
)
