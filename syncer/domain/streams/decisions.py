"""Decisions about walks: which one comes next, what follows a page, what its end means. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from syncer.domain.clocks import VIEW_AHEAD, distrust_future
from syncer.domain.streams.list_spec import ListSpec
from syncer.domain.streams.state import Outcome, StreamState
from syncer.domain.streams.stream import Kind, Mode, Phase, Stream, Walk

#: How often a walk is read, at most, whose records moved while it was reading.
MAX_ROUNDS = 3
#: How often one run restarts a walk because the API refused its cursor.
MAX_RESTARTS = 3

#: How long Kombo keeps a deleted record readable (docs.kombo.dev, "Deletion policy"), less a margin: what was
#: deleted before may be told of no more, so that only a full walk makes a stream complete again.
TOMBSTONES_LAST = timedelta(days=14) - timedelta(days=1)
#: Kombo's times are in whole seconds.
ROUNDING = timedelta(seconds=1)
#: Time that it takes to store a walk's first page, at most: so late is the database's time of its beginning.
DELAY = timedelta(minutes=1)
#: Difference from which it is likelier that the database's clock was set than that Kombo told a wrong time.
SET_RIGHT = timedelta(days=1)


def is_backfilled(stream: Stream, filters: Mapping[str, str]) -> bool:
    """True where a full walk with these filters has been completed and none is under way."""
    return stream.last_full_walk_at is not None and stream.filters == filters and stream.walk is None


#: Outcome of a backfill of a stream that has been read whole, by its state. In any other state it runs, to
#: find out how the stream is now.
_BACKFILLED = {
    StreamState.COMPLETE: Outcome.SKIPPED,
    StreamState.INCOMPLETE: Outcome.INCOMPLETE,
    StreamState.HELD: Outcome.HELD,
}


def backfill_outcome(stream: Stream, filters: Mapping[str, str]) -> Outcome | None:
    """Decide the outcome of a backfill that has nothing to do; None: it has to run."""
    return _BACKFILLED.get(stream.state) if is_backfilled(stream, filters) else None


def next_walk(
    stream: Stream,
    spec: ListSpec,
    *,
    mode: Mode,
    filters: Mapping[str, str],
    overlap: timedelta,
    full_every: timedelta,
    now: datetime,
    new_id: str,
    stale_before: datetime | None = None,
) -> Walk:
    """Choose the walk to do now: the unfinished one where it still fits, else a new one.

    A walk with other filters than the configured ones is dropped, and so is a watermark that was
    reached with other filters: rows outside the old ones were never asked for. What was read longer ago than
    Kombo tells of deletions does not count either, nor what was read before ``stale_before``, when Kombo's
    own data followed a change of its configuration. A time that lies ahead was stored by a clock that was
    wrong: how long ago that was nobody knows.
    """
    stale_since = distrust_future(stale_before, now, VIEW_AHEAD)

    def is_outdated(view: datetime | None) -> bool:
        if view is None:
            return False
        return distrust_future(view, now, VIEW_AHEAD) is None or now - view >= TOMBSTONES_LAST

    def is_stale(view: datetime | None) -> bool:
        return view is not None and stale_since is not None and view < stale_since

    unfinished = stream.walk
    if mode is not Mode.RESTART and unfinished is not None and unfinished.filters == filters:
        is_full = unfinished.kind is Kind.FULL
        # An incremental walk adds to what was complete before it.
        if not is_outdated(unfinished.began_at if is_full else stream.complete_at) and not is_stale(
            unfinished.began_at if is_full else stream.last_full_walk_at
        ):
            return unfinished
    full = Walk(new_id, Kind.FULL, None, filters)
    if mode is Mode.RESTART or not spec.features.updated_after:
        return full
    last_full_walk_at = distrust_future(stream.last_full_walk_at, now, VIEW_AHEAD)
    if stream.watermark is None or stream.filters != filters or last_full_walk_at is None:
        return full
    if now - last_full_walk_at >= full_every:
        return full
    if is_outdated(stream.complete_at) or is_stale(stream.last_full_walk_at):
        return full
    return Walk(new_id, Kind.INCREMENTAL, request_time(stream.watermark - overlap), filters)


def request_time(moment: datetime) -> str:
    """Format a moment as a query parameter: UTC, milliseconds, ``Z``.

    A numeric offset does not match the API's pattern (Kombo's OpenAPI document), and its ``+`` would become a
    space in a query string. Milliseconds are cut, never rounded up.
    """
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def restarted(walk: Walk, new_id: str, round: int | None = None) -> Walk:
    """Restart a walk from its first page: the same filters, a new id and no cursor."""
    return Walk(new_id, walk.kind, walk.updated_after, walk.filters, round=round or walk.round)


def is_watermark_refuted(
    stream: Stream, walk: Walk, *, served_at: datetime | None, overlap: timedelta
) -> bool:
    """Tell whether the first page of a walk proves that its watermark was ahead of Kombo's clock.

    served_at: Kombo's time on the page. Either that is before the time that the walk asks from; or more time
    has passed since the watermark by the database's clock than by Kombo's, so that Kombo told a time then
    that was ahead. Where it was the database's clock that was set, this costs a full walk.
    """
    if stream.watermark is None or served_at is None:
        return False
    if served_at + ROUNDING < stream.watermark - overlap:
        return True
    if stream.complete_at is None or walk.started_at is None or walk.began_at is None:
        return False
    ahead = (stream.watermark - stream.complete_at) - (walk.started_at - walk.began_at)
    return max(overlap, DELAY) < ahead < SET_RIGHT


def without_watermark(stream: Stream, filters: Mapping[str, str], new_id: str) -> Stream:
    """Give up a watermark that was refuted: the stream begins to be read whole."""
    walk = Walk(new_id, Kind.FULL, None, filters)
    return replace(stream, state=StreamState.INCOMPLETE, watermark=None, complete_at=None, walk=walk)


@dataclass(frozen=True, slots=True)
class Continue:
    """The walk goes on with the page at its cursor."""

    walk: Walk


@dataclass(frozen=True, slots=True)
class Repeat:
    """The walk is repeated from its first page: it may have missed records that a repetition would find."""

    walk: Walk


@dataclass(frozen=True, slots=True)
class LastPage:
    """The walk has been read to its end."""

    walk: Walk


NextStep = Continue | Repeat | LastPage


def next_step(walk: Walk, *, next_cursor: str | None, records: int, has_moved: bool, new_id: str) -> NextStep:
    """Decide what follows a stored page.

    next_cursor: what the page leads to; None behind the last one. records: on the page. has_moved: a record
    of it had changed since this walk stored it. new_id: for a repetition. Kombo does not say in which order
    it lists: where records moved, one of them may have slipped through between two pages.
    """
    walk = replace(
        walk,
        cursor=next_cursor,
        pages=walk.pages + 1,
        rows=walk.rows + records,
        moved=walk.moved or has_moved,
    )
    if next_cursor is not None:
        return Continue(walk)
    if walk.moved and walk.pages > 1 and walk.round < MAX_ROUNDS:
        return Repeat(restarted(walk, new_id, round=walk.round + 1))
    return LastPage(walk)


def after_last_page(stream: Stream, walk: Walk) -> Stream:
    """Move the stream past the last page of the walk; a full one goes on with its sweep.

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


def after_sweep(stream: Stream, walk: Walk) -> Stream:
    """Move the stream past the sweep of a full walk: it has been seen whole."""
    return replace(stream, walk=None, last_full_walk_at=walk.began_at, full_pages=walk.pages)


def needs_catch_up(
    stream: Stream, spec: ListSpec, walk: Walk, overlap: timedelta, now: datetime, *, resumed: bool
) -> bool:
    """Decide if another walk must follow at once: this one took longer than the overlap covers.

    That concerns full walks, and those that another run began (resumed), perhaps long ago: what changed
    behind their cursor since then is not here yet. A list that cannot be asked for changes is read whole
    again, but only after a resumed walk: it would have no end where reading it takes that long. A clock that
    went back during the walk says nothing of how long it took.
    """
    if walk.began_at is None or abs(now - walk.began_at) <= overlap:
        return False
    if not spec.features.updated_after:
        return resumed
    return (walk.kind is Kind.FULL or resumed) and stream.watermark is not None
