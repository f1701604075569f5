"""Decisions about streams: which walk comes next, what its end means, when to come back. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from syncer.domain.errors import (
    IntegrationGone,
    KomboError,
    ModelUnavailable,
    NotReady,
    ParentsUnread,
)
from syncer.domain.scheduling.intervals import Seen
from syncer.domain.streams.key import StreamKey
from syncer.domain.streams.list_spec import Listed

#: How often one run repeats a walk whose records moved while it was reading.
MAX_ROUNDS = 3
#: How often one run begins a walk again because the API refused its cursor.
MAX_RESTARTS = 3

#: How long Kombo keeps a deleted record readable (docs.kombo.dev, "Deletion policy"), less a margin: what was
#: deleted before may be told of no more, so that only a full walk makes a stream complete again.
TOMBSTONES_LAST = timedelta(days=14) - timedelta(days=1)

#: When a stream that is not well is tried again by the service.
RETRY_FIRST = timedelta(seconds=30)
RETRY_LONGEST = timedelta(hours=1)
WAITING_RECHECK = timedelta(minutes=15)
GONE_RECHECK = timedelta(hours=1)
UNAVAILABLE_RECHECK = timedelta(days=1)


class Kind(StrEnum):
    """full: everything the list has; incremental: what changed since the watermark."""

    FULL = "full"
    INCREMENTAL = "incremental"


class Phase(StrEnum):
    """read: page by page; sweep: all pages of a full walk are stored, what it did not see is looked into."""

    READ = "read"
    SWEEP = "sweep"


class Outcome(StrEnum):
    """How a run ended; also a stream's state, besides ``new`` and ``incomplete``.

    held: so much is missing at Kombo that nobody believes it unasked. stopped: told to stop, the walk goes on
    next time. busy: another runner has the stream. skipped: a backfill found nothing to do.
    """

    COMPLETE = "complete"
    HELD = "held"
    FAILED = "failed"
    WAITING = "waiting"
    UNAVAILABLE = "unavailable"
    GONE = "gone"
    BUSY = "busy"
    STOPPED = "stopped"
    SKIPPED = "skipped"

    @property
    def is_well(self) -> bool:
        """Whether a command may report success with it."""
        return self in {Outcome.COMPLETE, Outcome.UNAVAILABLE, Outcome.SKIPPED}


class Mode(StrEnum):
    """What a run is asked to do.

    sync: whatever brings the stream up to date. backfill: the same, but nothing where it has been done once.
    restart: a full walk in any case, dropping an unfinished one. approve: what is held has been looked at by
    a person and may be marked, as far as it is still missing; then as sync.
    """

    SYNC = "sync"
    BACKFILL = "backfill"
    RESTART = "restart"
    APPROVE = "approve"


@dataclass(frozen=True, slots=True)
class Walk:
    """An unfinished walk as it is kept with its stream.

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


@dataclass(frozen=True, slots=True)
class Stream:
    """One list of one integration, as its row says.

    filters: those that the watermark was reached with. full_pages: of the last complete full walk.
    """

    integration_id: str
    model: str
    state: str = "new"
    watermark: datetime | None = None
    complete_at: datetime | None = None
    filters: Mapping[str, str] = field(default_factory=dict)
    walk: Walk | None = None
    last_full_walk_at: datetime | None = None
    last_run_at: datetime | None = None
    last_outcome: str | None = None
    last_error: str | None = None
    failures: int = 0
    rows_live: int = 0
    rows_deleted: int = 0
    due_at: datetime | None = None
    full_pages: int | None = None
    seen: Seen = field(default_factory=Seen)

    @property
    def key(self) -> StreamKey:
        """Key of the stream within its environment."""
        return StreamKey(self.integration_id, self.model)


def is_backfilled(stream: Stream, filters: Mapping[str, str]) -> bool:
    """Whether a full walk with these filters has been completed and none is under way."""
    return stream.last_full_walk_at is not None and stream.filters == filters and stream.walk is None


def next_walk(
    stream: Stream,
    listed: Listed,
    *,
    mode: Mode,
    filters: Mapping[str, str],
    overlap: timedelta,
    full_every: timedelta,
    now: datetime,
    new_id: str,
    stale_before: datetime | None = None,
) -> Walk:
    """The walk to do now: the unfinished one where it still fits, else a new one.

    A walk with other filters than the configured ones is dropped, and so is a watermark that was
    reached with other filters: rows outside the old ones were never asked for. What was read longer ago than
    Kombo tells of deletions does not count either, nor what was read before ``stale_before``, when Kombo's
    own data followed a change of its configuration.
    """

    def is_outdated(view: datetime | None) -> bool:
        return view is not None and now - view >= TOMBSTONES_LAST

    def is_stale(view: datetime | None) -> bool:
        return view is not None and stale_before is not None and view < stale_before

    unfinished = stream.walk
    if mode is not Mode.RESTART and unfinished is not None and unfinished.filters == filters:
        is_full = unfinished.kind is Kind.FULL
        # An incremental walk adds to what was complete before it.
        if not is_outdated(unfinished.began_at if is_full else stream.complete_at) and not is_stale(
            unfinished.began_at if is_full else stream.last_full_walk_at
        ):
            return unfinished
    full = Walk(new_id, Kind.FULL, None, filters)
    if mode is Mode.RESTART or not listed.features.updated_after:
        return full
    if stream.watermark is None or stream.filters != filters or stream.last_full_walk_at is None:
        return full
    if now - stream.last_full_walk_at >= full_every:
        return full
    if is_outdated(stream.complete_at) or is_stale(stream.last_full_walk_at):
        return full
    return Walk(new_id, Kind.INCREMENTAL, request_time(stream.watermark - overlap), filters)


def request_time(moment: datetime) -> str:
    """The moment as a query parameter: UTC, milliseconds, ``Z``.

    A numeric offset does not match the API's pattern (Kombo's OpenAPI document), and its ``+`` would become a
    space in a query string. Milliseconds are cut, never rounded up.
    """
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def again(walk: Walk, new_id: str, round: int | None = None) -> Walk:
    """The same walk from its first page: the same filters, a new id and no place yet."""
    return Walk(new_id, walk.kind, walk.updated_after, walk.filters, round=round or walk.round)


def must_repeat(walk: Walk) -> bool:
    """Whether a finished walk may have missed records that a repetition would find."""
    return walk.moved and walk.pages > 1 and walk.round < MAX_ROUNDS


def finished(stream: Stream, walk: Walk) -> Stream:
    """The stream after the last page of the walk; a full one goes on with its sweep.

    Without a server time the watermark stays. It also stays after an incremental walk in which records moved
    to the last: the next one asks from the same time again.
    """
    is_full = walk.kind is Kind.FULL
    sweeping = replace(walk, phase=Phase.SWEEP, cursor=None) if is_full else None
    after = replace(stream, walk=sweeping, filters=walk.filters)
    settled = is_full or not (walk.moved and walk.pages > 1)
    if walk.started_at is not None and settled:
        after = replace(after, watermark=walk.started_at, complete_at=walk.began_at)
    elif is_full and stream.filters != walk.filters:
        after = replace(after, watermark=None, complete_at=None)
    return after


def swept(stream: Stream, walk: Walk) -> Stream:
    """The stream after the sweep of a full walk: it has been seen whole."""
    return replace(stream, walk=None, last_full_walk_at=walk.began_at, full_pages=walk.pages)


def follow_up(
    stream: Stream, listed: Listed, walk: Walk, overlap: timedelta, now: datetime, *, resumed: bool
) -> bool:
    """Whether another walk must follow at once: this one took longer than the overlap covers.

    That concerns full walks, and those that another run began (resumed), perhaps long ago: what changed
    behind their cursor since then is not here yet. A list that cannot be asked for changes is read whole
    again, but only after a resumed walk: it would have no end where reading it takes that long.
    """
    if walk.began_at is None or now - walk.began_at <= overlap:
        return False
    if not listed.features.updated_after:
        return resumed
    return (walk.kind is Kind.FULL or resumed) and stream.watermark is not None


def outcome_of(error: KomboError) -> Outcome:
    """How a run ends that met this error. KeyRefused is not among them: it stops everything."""
    if isinstance(error, NotReady):
        return Outcome.WAITING
    if isinstance(error, ModelUnavailable):
        return Outcome.UNAVAILABLE
    if isinstance(error, IntegrationGone):
        return Outcome.GONE
    return Outcome.FAILED


def recheck(outcome: Outcome, failures: int) -> timedelta | None:
    """When the service tries a stream again on its own; None: when its schedule says so.

    failures counts the runs in a row that failed, this one included.
    """
    fixed = {
        Outcome.WAITING: WAITING_RECHECK,
        Outcome.GONE: GONE_RECHECK,
        Outcome.UNAVAILABLE: UNAVAILABLE_RECHECK,
        Outcome.STOPPED: timedelta(0),
    }
    if outcome is Outcome.FAILED:
        return min(RETRY_FIRST * (1 << min(failures - 1, 10)), RETRY_LONGEST)
    return fixed.get(outcome)


def soon(error: KomboError) -> timedelta | None:
    """When to try again after an error that passes sooner than its outcome tells; None: it does not."""
    return RETRY_FIRST if isinstance(error, ParentsUnread) else None


def outcome_with(outcome: Outcome, held: int) -> Outcome:
    """A run that did all it could is no success while rows of its stream are held."""
    return Outcome.HELD if outcome is Outcome.COMPLETE and held else outcome


def state_after(outcome: Outcome, quarantined: int) -> str:
    """A stream's state: complete only if nothing of it is in quarantine."""
    if outcome is Outcome.STOPPED or (outcome is Outcome.COMPLETE and quarantined):
        return "incomplete"
    return outcome.value
