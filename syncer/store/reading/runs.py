"""Log of runs, as people read it: the latest first."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from sqlalchemy import Connection, select

from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.state import Outcome
from syncer.store.schema.state_tables import runs
from syncer.store.schema.stream_key import stream_filter


class EndedRun(Struct, frozen=True):
    """One run that has ended.

    kind: of its last walk, None where it did not come to one. written: records that were new, had changed or
    came back; deleted: those that were newly marked. by_webhook: a webhook caused it.
    """

    key: StreamKey
    started_at: datetime
    ended_at: datetime
    kind: str | None
    outcome: Outcome
    error: str | None
    pages: int
    written: int
    deleted: int
    by_webhook: bool


def read_runs(
    connection: Connection, of: tuple[str, StreamKey] | None = None, *, most: int
) -> list[EndedRun]:
    """Read the runs that ended last, of all streams or of one; of: its environment and key."""
    columns = runs.c
    statement = select(
        columns.integration_id,
        columns.model,
        columns.started_at,
        columns.ended_at,
        columns.kind,
        columns.outcome,
        columns.error,
        columns.pages,
        columns.created + columns.updated + columns.restored,
        columns.deleted,
        columns.told_at.is_not(None),
    ).where(columns.ended_at.is_not(None), columns.outcome.is_not(None))
    # Each has an index of its own.
    if of is None:
        statement = statement.order_by(columns.ended_at.desc())
    else:
        statement = statement.where(*stream_filter(runs, *of)).order_by(columns.started_at.desc())
    return [
        EndedRun(
            StreamKey(row[0], row[1]), row[2], row[3], row[4], Outcome(row[5]), *row[6:10], bool(row[10])
        )
        for row in connection.execute(statement.limit(most))
    ]
