"""Marking of missing rows: with their versions, and told to the change feed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, Connection

from syncer.domain.records.change import Counts
from syncer.store.records.versions import keep_marked
from syncer.store.state.missing import MissingStore
from syncer.sync.feed import tell_swept
from syncer.sync.run_context import RunContext


def mark_missing(
    run: RunContext,
    connection: Connection,
    condition: ColumnElement[bool],
    history: Collection[str],
    now: datetime,
    *,
    only_approved: bool,
) -> Counts:
    """Mark the stream's missing rows that meet the condition deleted; count those alive until now.

    history: the tables of which versions are kept.
    """
    missing = MissingStore(run.environment, run.key)
    ids = missing.mark(connection, condition, now, only_approved=only_approved)
    if ids:
        keep_marked(connection, run.source.destination, history, ids, now)
        tell_swept(run, connection, ids, now)
    return Counts(deleted=len(ids), live=-len(ids), gone=len(ids))
