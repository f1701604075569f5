"""Table of verifications: what the service found last when it compared a stream with its source."""

from __future__ import annotations

from sqlalchemy import PrimaryKeyConstraint, Table

from syncer.store.schema.state_tables import count_column, metadata, moment_column, text_column

verifications = Table(
    "sync_verifications",
    metadata,
    text_column("environment", "Environment (API key) of the data", required=True),
    text_column("integration_id", "Id of the integration at Kombo", required=True),
    text_column("model", "Name of the model", required=True),
    moment_column("began_at", "Start of the last verification, by the database's clock", required=True),
    moment_column("ended_at", "End of it; null: none has ended yet"),
    text_column("verdict", "Verdict: equal, different, unsettled, unread or skipped; null: none yet"),
    text_column("reason", "Reason for which it could not be verified, or needed not"),
    moment_column("source_time", "Time of the source when the last page of its list was read"),
    count_column("records", "Records that the source had"),
    count_column("differing", "Records with a difference"),
    count_column("missing", "Records of the source that the mirror had no row of"),
    count_column("extra", "Live rows that the source did not know"),
    count_column("different", "Rows whose document was another"),
    count_column("deleted", "Rows that were deleted on one side only"),
    count_column("projected", "Rows whose columns, links or children did not follow from their documents"),
    count_column("newer", "Records that had changed since the mirror last read the list"),
    count_column("stale_copies", "Records with older copies of other records in them"),
    count_column("unsettled", "Records of which nobody could tell"),
    text_column("digest", "Digest of the source's live records; null: not all were read"),
    text_column("mirror_digest", "Digest of the mirror's live records"),
    text_column("lease_owner", "Process that is verifying it; null: none is"),
    moment_column("lease_until", "Time at which another process may verify it in its place"),
    PrimaryKeyConstraint("environment", "integration_id", "model"),
    comment="Last verification of each stream by the service ([verify] every)",
)
