"""The tables in which the program keeps its own state, and the metadata that all tables share."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

from syncer.store.db.types import Json, Timestamp

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def text_column(name: str, comment: str, *, required: bool = False) -> Column[str]:
    """Make a column of text; comment: its meaning, for users."""
    return Column(name, Text, nullable=not required, comment=comment)


def _stream_columns() -> tuple[Column[str], ...]:
    """Make the columns with the key of a stream."""
    return (
        text_column("environment", "Which API key's data", required=True),
        text_column("integration_id", "The integration", required=True),
        text_column("model", "The model", required=True),
    )


def partial_index(*columns: Column[Any], where: Column[Any]) -> None:
    """Index the columns of rows that have a value there, which are few."""
    has_value = where.is_not(None)
    Index(None, *columns, postgresql_where=has_value, sqlite_where=has_value)


def _moment(name: str, comment: str, *, required: bool = False) -> Column[Any]:
    return Column(name, Timestamp, nullable=not required, comment=comment)


def _count(name: str, comment: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default=text("0"), comment=comment)


def _number(name: str, comment: str) -> Column[float]:
    return Column(name, Float, nullable=False, server_default=text("0"), comment=comment)


integrations = Table(
    "sync_integrations",
    metadata,
    text_column("environment", "Which API key's data: one for now, default", required=True),
    text_column("id", "Kombo's id of the integration, sent as X-Integration-Id", required=True),
    text_column(
        "origin", "config: from the configuration; command: added by `syncer integrations add`", required=True
    ),
    Column("models", Json, comment="Globs of the models to mirror; null: as the configuration says for all"),
    _moment("removed_at", "Since when it is not mirrored any more; its rows stay"),
    text_column("state", "What our requests meet: ready, waiting or gone"),
    text_column("tool", "The connected tool"),
    text_column("category", "HRIS, ATS, LMS or ASSESSMENT"),
    text_column("organisation", "The customer's organisation, as entered at Kombo"),
    text_column("status", "Kombo's status: ACTIVE, INVALID or INACTIVE"),
    text_column("setup_status", "Kombo's setup status: INCOMPLETE, FINAL_SYNC_PENDING or COMPLETED"),
    _moment("data_expired_at", "When a change of scope or filters made Kombo's data stale; null when fresh"),
    Column(
        "read_models", Json, comment="Kombo's models of this integration: webhook name -> is it available"
    ),
    _moment("refreshed_at", "When Kombo's data was found to have followed such a change"),
    _moment("checked_at", "When Kombo was last asked about the integration"),
    PrimaryKeyConstraint("environment", "id"),
    comment="The integrations that are mirrored, and what Kombo last said about them",
)

streams = Table(
    "sync_streams",
    metadata,
    *_stream_columns(),
    Column(
        "mirrored", Boolean, nullable=False, server_default=text("true"), comment="It is to be mirrored now"
    ),
    text_column(
        "state", "new, complete, incomplete, held, failed, waiting, unavailable or gone", required=True
    ),
    _moment("due_at", "From when on the service should sync it; null: not scheduled"),
    _moment("scheduled_at", "When the schedule last made it due"),
    Column("due_purpose", Integer, comment="Rank of what made it due: 1 webhook, 2 schedule, 3 full walk"),
    text_column("lease_owner", "The runner that works on it"),
    _moment("lease_until", "When the lease ends unless it is renewed; by the database's clock"),
    _count("fence", "Grows with every lease; a runner with an older number may not write"),
    _moment("watermark", "Complete up to this time of Kombo's clock"),
    _moment("complete_at", "The same moment by the database's clock"),
    text_column("filters", "The filters that the watermark was reached with, as JSON text"),
    text_column("walk_id", "The unfinished walk; null where there is none"),
    text_column("walk_kind", "full or incremental"),
    text_column("walk_updated_after", "Its literal updated_after"),
    text_column("walk_filters", "Its filters, as JSON text"),
    text_column("walk_cursor", "Where it goes on; null: at its first page"),
    _moment("walk_started_at", "Kombo's time when its first page was asked for; becomes the watermark"),
    _moment("walk_began_at", "The same moment by the database's clock"),
    _count("walk_pages", "Pages stored so far"),
    _count("walk_rows", "Records stored so far"),
    Column(
        "walk_round",
        Integer,
        nullable=False,
        server_default=text("1"),
        comment="1, or more after it had to be repeated",
    ),
    Column(
        "walk_moved",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="Records moved while it was reading",
    ),
    text_column(
        "walk_phase", "read; or sweep: all its pages are stored, and what it did not see is looked into"
    ),
    _moment("last_full_walk_at", "When the last complete full walk began, by the database's clock"),
    _moment("last_run_at", "When the last run ended"),
    text_column("last_outcome", "How the last run ended"),
    text_column("last_error", "Why, where it was not well"),
    _count("failures", "Runs in a row that failed"),
    _count("rows_live", "Rows in the mirror that are not deleted"),
    _count("rows_deleted", "Rows in the mirror that are marked deleted"),
    _number("changes", "How many changes runs have found; fades with time"),
    _number("watched", "Over how many seconds; 0: not known, or a webhook has told of a change"),
    Column("full_pages", BigInteger, comment="Pages of the last complete full walk; null: not known"),
    PrimaryKeyConstraint("environment", "integration_id", "model"),
    comment="One row per stream (a model of an integration): its progress, lease and counts",
)
partial_index(streams.c.environment, streams.c.due_at, where=streams.c.due_at)
partial_index(streams.c.environment, streams.c.lease_owner, where=streams.c.lease_owner)

runs = Table(
    "sync_runs",
    metadata,
    text_column("id", "The run", required=True),
    *_stream_columns(),
    text_column("owner", "The runner", required=True),
    _moment("started_at", "When it began, by the database's clock", required=True),
    _moment("ended_at", "When it ended; null while it goes on or if its process died"),
    text_column("kind", "full or incremental"),
    text_column("outcome", "How it ended"),
    text_column("error", "Why, where it was not well"),
    _count("pages", "Pages stored"),
    _count("created", "Records seen for the first time"),
    _count("updated", "Records that had changed"),
    _count("unchanged", "Records that were the same, and not written"),
    _count("deleted", "Records that were newly marked deleted"),
    _count("restored", "Records that came back to life"),
    _count("quarantined", "Records that could not be stored whole"),
    PrimaryKeyConstraint("id"),
    comment="One row per run: one attempt on one stream",
)
Index(None, runs.c.integration_id, runs.c.model, runs.c.started_at)
Index(None, runs.c.ended_at)

budgets = Table(
    "sync_budgets",
    metadata,
    text_column("environment", "Which API key's data", required=True),
    text_column("key_fingerprint", "Hash of the API key, never the key", required=True),
    Column("window_number", BigInteger, nullable=False, comment="Grows with every window of the rate limit"),
    Column("window_limit", Integer, comment="Requests per window, as Kombo says; null: not known yet"),
    Column("used", Integer, nullable=False, comment="Requests of this window, ours and other users'"),
    Column("own", Integer, nullable=False, comment="Requests of this window that we sent"),
    _count("flying", "Requests of this window that are not answered yet"),
    _count("carried", "Requests of the former window that are not answered yet; they may count in this one"),
    Column("ends_at", Float, comment="End of the window, seconds since 1970 by the database's clock"),
    _number("lasts_until", "The window does not end before"),
    Column("length", Float, nullable=False, comment="Seconds of a window, as last seen"),
    _number("slack", "Seconds to wait after the end; above 0 where Kombo rounds its resets down"),
    Column("probe_until", Float, comment="Others wait until then for the request that learns the window"),
    _number("paced_until", "Reads wait until then where they are spread over the window"),
    Column("confirmed", Boolean, nullable=False, comment="An answer of this window has told how it stands"),
    Column("refusals", BigInteger, nullable=False, comment="Answers 429 so far; none is normal"),
    text_column(
        "waiting", "Which processes wait for leave to send, as JSON text: owner, purpose, count, until"
    ),
    PrimaryKeyConstraint("environment", "key_fingerprint"),
    comment="The request budget of an API key, shared by everything that uses it",
)

quarantine = Table(
    "sync_quarantine",
    metadata,
    *_stream_columns(),
    text_column("record_key", "Kombo's id, or a hash of the record where it has none", required=True),
    text_column("reason", "Why it could not be stored, or not whole", required=True),
    text_column("document", "The record, as ASCII JSON", required=True),
    text_column("run_id", "The run that met it last", required=True),
    _moment("first_seen_at", "When it was first met", required=True),
    _moment("last_seen_at", "When it was last met", required=True),
    PrimaryKeyConstraint("environment", "integration_id", "model", "record_key"),
    comment="Records that could not be stored, or with a column that does not fit",
)

seen = Table(
    "sync_seen",
    metadata,
    *_stream_columns(),
    text_column("walk_id", "The unfinished full walk", required=True),
    Column("page", Integer, nullable=False, comment="Number of the page in its walk, from 1"),
    text_column("ids", "The ids of the page's records, as a JSON list", required=True),
    PrimaryKeyConstraint("environment", "integration_id", "model", "walk_id", "page"),
    comment="What full walks under way have seen, a row per page; dropped with the walk",
)

missing = Table(
    "sync_missing",
    metadata,
    *_stream_columns(),
    text_column("record_id", "Kombo's id of the record", required=True),
    text_column("walk_id", "The latest complete walk that did not see it", required=True),
    Column("walks", Integer, nullable=False, comment="How many complete walks in a row did not see it"),
    _moment("missing_since", "When the first of them ended", required=True),
    text_column("confirmed_by", "The sweep in which Kombo, asked for it, did not know it"),
    _moment("held_at", "Since when it waits for a person; null: it does not"),
    _moment("approved_at", "When a person let it pass, to be marked once Kombo has been asked again"),
    PrimaryKeyConstraint("environment", "integration_id", "model", "record_id"),
    comment="Rows that a full walk did not see and that are not marked deleted (yet)",
)

projections = Table(
    "sync_projections",
    metadata,
    text_column("environment", "Which API key's data", required=True),
    text_column("model", "The model", required=True),
    text_column("fingerprint", "Names the projection that its rows have, or are being given", required=True),
    Column("exclusions", Json, nullable=False, comment="The exclusions that concern it, as a list of texts"),
    text_column("at_table", "The table that a re-projection is at; null: all rows have the projection"),
    text_column("after_id", "How far it has come in that table; null: not begun"),
    PrimaryKeyConstraint("environment", "model"),
    comment="One row per model: how its records became rows, and a re-projection of them under way",
)
