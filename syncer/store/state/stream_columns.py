"""Mapping between a stream and the columns of its row."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row

from syncer.domain.records.change import Counts
from syncer.domain.scheduling.intervals import ChangeHistory
from syncer.domain.streams.state import Outcome, StreamState
from syncer.domain.streams.stream import Kind, Phase, Stream, Walk
from syncer.store.schema.mirror_tables import streams


def row_counts(counts: Counts) -> dict[str, Any]:
    """Give the update of the row counters by these effects; nothing where they stay."""
    if not counts.live and not counts.gone:
        return {}
    return {
        "rows_live": streams.c.rows_live + counts.live,
        "rows_deleted": streams.c.rows_deleted + counts.gone,
    }


def walk_values(walk: Walk | None) -> dict[str, Any]:
    """Give the values of the walk columns; those of None clear them."""
    return {
        "walk_id": walk and walk.id,
        "walk_kind": walk and walk.kind,
        "walk_updated_after": walk and walk.updated_after,
        "walk_filters": walk and filters_text(walk.filters),
        "walk_cursor": walk and walk.cursor,
        "walk_started_at": walk and walk.started_at,
        "walk_began_at": walk and walk.began_at,
        "walk_pages": walk.pages if walk else 0,
        "walk_rows": walk.rows if walk else 0,
        "walk_round": walk.round if walk else 1,
        "walk_moved": walk.moved if walk else False,
        "walk_phase": walk and walk.phase,
    }


def stream_of(row: Row[Any]) -> Stream:
    """Build the stream of a row of ``sync_streams``."""
    walk = None
    if row.walk_id is not None:
        walk = Walk(
            id=row.walk_id,
            kind=Kind(row.walk_kind),
            updated_after=row.walk_updated_after,
            filters=json.loads(row.walk_filters or "{}"),
            cursor=row.walk_cursor,
            started_at=row.walk_started_at,
            began_at=row.walk_began_at,
            pages=row.walk_pages,
            rows=row.walk_rows,
            round=row.walk_round,
            moved=row.walk_moved,
            phase=Phase(row.walk_phase or Phase.READ),
        )
    return Stream(
        integration_id=row.integration_id,
        model=row.model,
        state=StreamState(row.state),
        watermark=row.watermark,
        complete_at=row.complete_at,
        filters=json.loads(row.filters or "{}"),
        walk=walk,
        last_full_walk_at=row.last_full_walk_at,
        last_run_at=row.last_run_at,
        last_outcome=row.last_outcome and Outcome(row.last_outcome),
        last_error=row.last_error,
        failures=row.failures,
        rows_live=row.rows_live,
        rows_deleted=row.rows_deleted,
        due_at=row.due_at,
        full_pages=row.full_pages,
        changes_seen=ChangeHistory(row.changes, row.watched),
        told_at=row.told_at,
        pause_until=row.pause_until,
    )


def filters_text(filters: Mapping[str, str]) -> str:
    """Encode filters as text; equal filters give the same text."""
    return json.dumps(dict(filters), sort_keys=True)
