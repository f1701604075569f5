"""Table of the processes that work on the database."""

from __future__ import annotations

from sqlalchemy import Column, Integer, PrimaryKeyConstraint, Table

from syncer.store.schema.state_tables import metadata, moment_column, text_column

processes = Table(
    "sync_processes",
    metadata,
    text_column("owner", "Name of the process, as leases have it", required=True),
    text_column("role", "What it does: service or worker", required=True),
    text_column("host", "Host that it runs on", required=True),
    Column("pid", Integer, nullable=False, comment="Its number there"),
    text_column("version", "Version of the program", required=True),
    moment_column("started_at", "Time at which it began", required=True),
    moment_column("heartbeat_at", "Time at which it last said that it lives", required=True),
    PrimaryKeyConstraint("owner"),
    comment="Processes that keep the mirror up to date; one that ended well is not there any more",
)
