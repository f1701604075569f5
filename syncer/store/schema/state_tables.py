"""Tables of the program's own state, and the metadata that all tables share."""

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
from syncer.store.schema.partial_indexes import partial_index

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
        text_column("environment", "Environment (API key) of the data", required=True),
        text_column("integration_id", "Id of the integration at Kombo", required=True),
        text_column("model", "Name of the model or native list", required=True),
    )


def moment_column(name: str, comment: str, *, required: bool = False) -> Column[Any]:
    return Column(name, Timestamp, nullable=not required, comment=comment)


def count_column(name: str, comment: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default=text("0"), comment=comment)


def number_column(name: str, comment: str) -> Column[float]:
    return Column(name, Float, nullable=False, server_default=text("0"), comment=comment)


integrations = Table(
    "sync_integrations",
    metadata,
    text_column("environment", "Environment (API key) of the data", required=True),
    text_column("id", "Id of the integration at Kombo, sent as X-Integration-Id", required=True),
    text_column(
        "origin",
        "Origin: config (the configuration), command (`syncer integrations add`) or webhook",
        required=True,
    ),
    Column(
        "models", Json, comment="Globs of the models to mirror; null: the configuration's selection for all"
    ),
    moment_column("removed_at", "Time since which it is not mirrored any more; its rows stay"),
    text_column("state", "State, by the answers to requests: ready, waiting or gone"),
    text_column("tool", "Connected tool"),
    text_column("category", "Category of the tool: HRIS, ATS, LMS or ASSESSMENT"),
    text_column("organisation", "Organisation of the customer, as entered at Kombo"),
    text_column("status", "Status at Kombo: ACTIVE, INVALID or INACTIVE"),
    text_column("setup_status", "Setup status at Kombo: INCOMPLETE, FINAL_SYNC_PENDING or COMPLETED"),
    moment_column(
        "data_expired_at",
        "Time at which a change of scope or filters made Kombo's data stale; null while fresh",
    ),
    Column(
        "read_models", Json, comment="Availability of Kombo's models in this integration, by webhook name"
    ),
    moment_column(
        "refreshed_at", "Time at which Kombo's data was first found fresh again after such a change"
    ),
    moment_column("checked_at", "Time of the last request for the integration's details"),
    text_column("origin_id", "Your own id of the customer, as given to Kombo when the tool was connected"),
    PrimaryKeyConstraint("environment", "id"),
    # An integration is in one environment alone.
    Index(None, "id", unique=True),
    comment="Mirrored integrations, with their details as last read from Kombo",
)

streams = Table(
    "sync_streams",
    metadata,
    *_stream_columns(),
    Column(
        "mirrored",
        Boolean,
        nullable=False,
        server_default=text("true"),
        comment="Whether the configuration selects the stream",
    ),
    text_column(
        "state", "State: new, complete, incomplete, held, failed, waiting, unavailable or gone", required=True
    ),
    moment_column("due_at", "Time from which the service syncs it; null: not due"),
    moment_column("scheduled_at", "Time at which the schedule last made it due"),
    Column(
        "due_purpose",
        Integer,
        comment="Priority of what made it due: 0 write, 1 webhook, 2 schedule, 3 full walk",
    ),
    text_column("lease_owner", "Runner that holds the lease; null: it is free"),
    moment_column("lease_until", "End of the lease unless it is renewed, by the database's clock"),
    count_column(
        "fence", "Fencing token: grows with every lease, and a runner with an older one cannot write"
    ),
    moment_column("watermark", "Watermark: the mirror is complete up to this time of Kombo's clock"),
    moment_column("complete_at", "Same moment as the watermark, by the database's clock"),
    text_column("filters", "Filters with which the watermark was reached, as JSON text"),
    text_column("walk_id", "Id of the unfinished walk; null: there is none"),
    text_column("walk_kind", "Kind of the walk: full or incremental"),
    text_column("walk_updated_after", "The walk's updated_after, as it is sent"),
    text_column("walk_filters", "The walk's filters, as JSON text"),
    text_column("walk_cursor", "Cursor of the walk's next page; null: the first page"),
    moment_column(
        "walk_started_at", "Time of the walk's first request by Kombo's clock; becomes the watermark"
    ),
    moment_column("walk_began_at", "Same moment as walk_started_at, by the database's clock"),
    count_column("walk_pages", "Pages of the walk stored so far"),
    count_column("walk_rows", "Records of the walk stored so far"),
    Column(
        "walk_round",
        Integer,
        nullable=False,
        server_default=text("1"),
        comment="Attempt at the walk: 1, and one more each time that it had to be repeated",
    ),
    Column(
        "walk_moved",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="Whether records changed their position in the list during the walk",
    ),
    text_column(
        "walk_phase",
        "Phase of the walk: read (pages are still to come) or sweep (missing rows are confirmed)",
    ),
    moment_column("last_full_walk_at", "Start of the last complete full walk, by the database's clock"),
    moment_column("last_run_at", "End of the last run"),
    text_column("last_outcome", "Outcome of the last run"),
    text_column("last_error", "Error of the last run, if any"),
    count_column("failures", "Failed runs in a row"),
    count_column("rows_live", "Rows in the mirror that are not deleted"),
    count_column("rows_deleted", "Rows in the mirror that are marked deleted"),
    number_column("changes", "Changes that runs have found and no webhook had told of, decaying with time"),
    number_column("watched", "Seconds over which these changes were counted; 0: unknown"),
    Column("full_pages", BigInteger, comment="Pages of the last complete full walk; null: unknown"),
    moment_column(
        "told_at", "First webhook, or write, that told of news which no run has read yet; null: none"
    ),
    moment_column("pause_until", "End of the pause after the last run that webhooks caused"),
    PrimaryKeyConstraint("environment", "integration_id", "model"),
    comment="Streams (a model or native list of an integration): state, walk, lease and counters",
)
partial_index(streams.c.environment, streams.c.due_at, where=streams.c.due_at)
partial_index(
    *(streams.c.environment, streams.c.due_purpose, streams.c.due_at),
    *(streams.c.integration_id, streams.c.model),
    where=streams.c.due_at,
    name="ix_sync_streams_due_queue",
)
partial_index(streams.c.environment, streams.c.lease_owner, where=streams.c.lease_owner)
# All that monitoring reads of them, every few seconds: the rows themselves are wide.
Index(
    "ix_sync_streams_numbers",
    *(streams.c.environment, streams.c.mirrored, streams.c.model),
    *(streams.c.state, streams.c.complete_at, streams.c.scheduled_at),
)

runs = Table(
    "sync_runs",
    metadata,
    text_column("id", "Id of the run", required=True),
    *_stream_columns(),
    text_column("owner", "Runner that did it", required=True),
    moment_column("started_at", "Start of the run, by the database's clock", required=True),
    moment_column("ended_at", "End of the run; null while it goes on, or if its process died"),
    text_column("kind", "Kind of the last walk: full or incremental"),
    text_column("outcome", "Outcome of the run"),
    text_column("error", "Error of the run, if any"),
    count_column("pages", "Pages stored"),
    count_column("created", "Records that were new"),
    count_column("updated", "Records that had changed"),
    count_column("unchanged", "Records that had not changed, and were not written"),
    count_column("deleted", "Records that were newly marked deleted"),
    count_column("restored", "Records that were deleted, and are not any more"),
    count_column("quarantined", "Records that went into quarantine"),
    moment_column(
        "told_at", "Arrival of the first webhook whose news it has read; null: no webhook caused it"
    ),
    PrimaryKeyConstraint("id"),
    comment="Log of runs: each is one attempt on one stream",
)
Index(None, runs.c.integration_id, runs.c.model, runs.c.started_at)
Index(None, runs.c.ended_at)

quarantine = Table(
    "sync_quarantine",
    metadata,
    *_stream_columns(),
    text_column(
        "record_key", "Kombo's id of the record, or a hash of the record where it has none", required=True
    ),
    text_column("reason", "Reason why it could not be stored, or not whole", required=True),
    text_column("document", "Record, as ASCII JSON", required=True),
    text_column("run_id", "Last run that received it", required=True),
    moment_column("first_seen_at", "Time at which it was first received", required=True),
    moment_column("last_seen_at", "Time at which it was last received", required=True),
    PrimaryKeyConstraint("environment", "integration_id", "model", "record_key"),
    comment="Quarantine: records that could not be stored, or have a value that does not fit its column",
)

seen = Table(
    "sync_seen",
    metadata,
    *_stream_columns(),
    text_column("walk_id", "Id of the unfinished full walk", required=True),
    Column("page", Integer, nullable=False, comment="Number of the page in the walk, from 1"),
    text_column("ids", "Ids of the page's records, as a JSON list", required=True),
    PrimaryKeyConstraint("environment", "integration_id", "model", "walk_id", "page"),
    comment="Ids that unfinished full walks have seen, a row per page; deleted with the walk",
)

missing = Table(
    "sync_missing",
    metadata,
    *_stream_columns(),
    text_column("record_id", "Kombo's id of the record", required=True),
    text_column("walk_id", "Last complete walk that did not see it", required=True),
    Column("walks", Integer, nullable=False, comment="Complete walks in a row that did not see it"),
    moment_column("missing_since", "End of the first of these walks", required=True),
    text_column("confirmed_by", "Last sweep that looked it up at Kombo without finding it"),
    moment_column("held_at", "Time since which it waits for approval; null: it does not"),
    moment_column("approved_at", "Time of the approval; it is marked once Kombo has been asked again"),
    PrimaryKeyConstraint("environment", "integration_id", "model", "record_id"),
    comment="Missing rows: a full walk did not see them, and they are not marked deleted (yet)",
)

refused_parameters = Table(
    "sync_refused_parameters",
    metadata,
    *_stream_columns(),
    text_column("parameter", "Name of a query parameter", required=True),
    moment_column("refused_at", "Time at which the list last refused it", required=True),
    PrimaryKeyConstraint("environment", "integration_id", "model", "parameter"),
    comment="Query parameters that lists do not take, as their answers said; asked again after 30 days",
)

projections = Table(
    "sync_projections",
    metadata,
    text_column("model", "Name of the model or native list", required=True),
    text_column(
        "fingerprint", "Fingerprint of the projection that its rows have, or are being given", required=True
    ),
    Column("exclusions", Json, nullable=False, comment="Exclusions that concern it, as a list of texts"),
    text_column("at_table", "Table that is being re-projected; null: all rows have the projection"),
    text_column("after_id", "Last key that is done in that table; null: at its beginning"),
    Column(
        "key_members",
        Json,
        comment="Members that keys of its rows are or were made of, as a list of texts; null: unknown",
    ),
    Column("history", Json, comment="Tables of which its writes keep versions, as a JSON list; null: none"),
    PrimaryKeyConstraint("model"),
    comment="Projections of models and native lists, and the progress of re-projections",
)
