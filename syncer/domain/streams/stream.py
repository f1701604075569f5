"""A stream and its walk, as their row keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from msgspec import Struct, field

from syncer.domain.scheduling.intervals import ChangeHistory
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.state import Outcome, StreamState


class Kind(StrEnum):
    """Kind of a walk. full: everything the list has; incremental: what changed since the watermark."""

    FULL = "full"
    INCREMENTAL = "incremental"


class Phase(StrEnum):
    """Phase of a walk.

    read: page by page. sweep: all pages of a full walk are stored, and the rows that it did not see are
    confirmed to be missing.
    """

    READ = "read"
    SWEEP = "sweep"


class Mode(StrEnum):
    """Order to a run.

    sync: whatever brings the stream up to date. backfill: the same, but nothing where it has been done once.
    restart: a full walk in any case, dropping an unfinished one. approve: what is held has been looked at by
    a person and may be marked, as far as it is still missing; then as sync.
    """

    SYNC = "sync"
    BACKFILL = "backfill"
    RESTART = "restart"
    APPROVE = "approve"


class Walk(Struct, frozen=True):
    """Unfinished walk: the checkpoint that a run resumes from.

    updated_after: the literal text that goes out with every page; None for a full walk. started_at: Kombo's
    time when the first page was asked for, None until that page came. began_at: the same moment by the
    database's clock. round counts repetitions because records moved; moved: some did in this round.
    """

    id: str
    kind: Kind
    updated_after: str | None
    filters: Mapping[str, str]
    cursor: str | None = None
    started_at: datetime | None = None
    began_at: datetime | None = None
    pages: int = 0
    rows: int = 0
    round: int = 1
    moved: bool = False
    phase: Phase = Phase.READ


class Stream(Struct, frozen=True):
    """State of one list of one integration: one row of ``sync_streams``.

    filters: those that the watermark was reached with. full_pages: of the last complete full walk. told_at:
    arrival of the first webhook that told of news which no run has read yet. pause_until: end of the pause
    after the last run that webhooks caused.
    """

    integration_id: str
    model: str
    state: StreamState = StreamState.NEW
    watermark: datetime | None = None
    complete_at: datetime | None = None
    filters: Mapping[str, str] = field(default_factory=dict)
    walk: Walk | None = None
    last_full_walk_at: datetime | None = None
    last_run_at: datetime | None = None
    last_outcome: Outcome | None = None
    last_error: str | None = None
    failures: int = 0
    rows_live: int = 0
    rows_deleted: int = 0
    due_at: datetime | None = None
    full_pages: int | None = None
    changes_seen: ChangeHistory = field(default_factory=ChangeHistory)
    told_at: datetime | None = None
    pause_until: datetime | None = None

    @property
    def key(self) -> StreamKey:
        """Key of the stream within its environment."""
        return StreamKey(self.integration_id, self.model)


class StreamProgress(NamedTuple):
    """Progress of a stream as far as it decides on the next walk and its cost.

    For those who go through all streams: there may be tens of thousands. Members as of ``Stream``; changes
    and watched are those of its history of changes.
    """

    integration_id: str
    model: str
    state: StreamState = StreamState.NEW
    watermark: datetime | None = None
    complete_at: datetime | None = None
    filters: Mapping[str, str] = MappingProxyType({})
    walk: Walk | None = None
    last_full_walk_at: datetime | None = None
    rows_live: int = 0
    rows_deleted: int = 0
    full_pages: int | None = None
    changes: float = 0.0
    watched: float = 0.0


#: What decisions on the next walk take.
StreamView = Stream | StreamProgress
