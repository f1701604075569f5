"""Mapping between a stream and the columns of its row."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from syncer.domain.scheduling.intervals import ChangeHistory
from syncer.domain.streams.state import Outcome, StreamState
from syncer.domain.streams.stream import Kind, Phase, Stream, StreamProgress, Walk
from syncer.store.schema.state_tables import streams

_COLUMNS = streams.c
#: What a stream is made of: the columns of Stream, in its order, then those of its walk.
STREAM_COLUMNS = (
    _COLUMNS.integration_id,
    _COLUMNS.model,
    _COLUMNS.state,
    _COLUMNS.watermark,
    _COLUMNS.complete_at,
    _COLUMNS.filters,
    _COLUMNS.last_full_walk_at,
    _COLUMNS.last_run_at,
    _COLUMNS.last_outcome,
    _COLUMNS.last_error,
    _COLUMNS.failures,
    _COLUMNS.rows_live,
    _COLUMNS.rows_deleted,
    _COLUMNS.due_at,
    _COLUMNS.full_pages,
    _COLUMNS.changes,
    _COLUMNS.watched,
    _COLUMNS.told_at,
    _COLUMNS.pause_until,
    _COLUMNS.walk_id,
    _COLUMNS.walk_kind,
    _COLUMNS.walk_updated_after,
    _COLUMNS.walk_filters,
    _COLUMNS.walk_cursor,
    _COLUMNS.walk_started_at,
    _COLUMNS.walk_began_at,
    _COLUMNS.walk_pages,
    _COLUMNS.walk_rows,
    _COLUMNS.walk_round,
    _COLUMNS.walk_moved,
    _COLUMNS.walk_phase,
)
#: The columns of StreamProgress, in its order, with the id of the walk in its place.
PROGRESS_COLUMNS = (
    _COLUMNS.integration_id,
    _COLUMNS.model,
    _COLUMNS.state,
    _COLUMNS.watermark,
    _COLUMNS.complete_at,
    _COLUMNS.filters,
    _COLUMNS.walk_id,
    _COLUMNS.last_full_walk_at,
    _COLUMNS.rows_live,
    _COLUMNS.rows_deleted,
    _COLUMNS.full_pages,
    _COLUMNS.changes,
    _COLUMNS.watched,
)
_STATES = {each.value: each for each in StreamState}
_OUTCOMES = {each.value: each for each in Outcome}


def row_counts(live: Any, gone: Any) -> dict[str, Any]:
    """Give the update of the counters of live and deleted rows by so many, numbers or parameters."""
    return {"rows_live": streams.c.rows_live + live, "rows_deleted": streams.c.rows_deleted + gone}


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


def stream_of(row: Sequence[Any]) -> Stream:
    """Build the stream of a row of ``sync_streams``, given by its ``STREAM_COLUMNS``."""
    # By position: there may be tens of thousands, and to look up a column by name takes longer than the rest.
    (
        integration_id,
        model,
        state,
        watermark,
        complete_at,
        filters,
        last_full_walk_at,
        last_run_at,
        last_outcome,
        last_error,
        failures,
        rows_live,
        rows_deleted,
        due_at,
        full_pages,
        changes,
        watched,
        told_at,
        pause_until,
        walk_id,
        *of_walk,
    ) = row
    return Stream(
        integration_id,
        model,
        _STATES[state],
        watermark,
        complete_at,
        _filters(filters),
        None if walk_id is None else _walk(walk_id, *of_walk),
        last_full_walk_at,
        last_run_at,
        last_outcome and _OUTCOMES[last_outcome],
        last_error,
        failures,
        rows_live,
        rows_deleted,
        due_at,
        full_pages,
        ChangeHistory(changes, watched),
        told_at,
        pause_until,
    )


def progress_of(row: Sequence[Any], walk: Walk | None) -> StreamProgress:
    """Build the progress of a row, given by its ``PROGRESS_COLUMNS``, with its walk."""
    return StreamProgress(row[0], row[1], _STATES[row[2]], row[3], row[4], _filters(row[5]), walk, *row[7:])


def _walk(
    walk_id: str,
    kind: str,
    updated_after: str | None,
    filters: str | None,
    cursor: str | None,
    started_at: datetime | None,
    began_at: datetime | None,
    pages: int,
    rows: int,
    round: int,
    moved: bool,
    phase: str | None,
) -> Walk:
    return Walk(
        id=walk_id,
        kind=Kind(kind),
        updated_after=updated_after,
        filters=_filters(filters),
        cursor=cursor,
        started_at=started_at,
        began_at=began_at,
        pages=pages,
        rows=rows,
        round=round,
        moved=moved,
        phase=Phase(phase or Phase.READ),
    )


@lru_cache
def _filters(text: str | None) -> Mapping[str, str]:
    # Thousands of streams have the same, which nobody may change.
    filters: dict[str, str] = json.loads(text) if text else {}
    return filters


def filters_text(filters: Mapping[str, str]) -> str:
    """Encode filters as text; equal filters give the same text."""
    return json.dumps(dict(filters), sort_keys=True)
