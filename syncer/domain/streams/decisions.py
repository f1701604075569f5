"""Decisions about walks: which one comes next, what follows a page, what its end means. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from syncer.domain.clocks import VIEW_AHEAD
from syncer.domain.streams.list_spec import ListSpec
from syncer.domain.streams.state import Outcome, StreamState
from syncer.domain.streams.stream import Kind, Mode, Phase, Stream, StreamView, Walk

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


def is_backfilled(stream: StreamView, filters: Mapping[str, str]) -> bool:
    """True where a full walk with these filters has been completed and none is under way."""
    return stream.last_full_walk_at is not None and stream.filters == filters and stream.walk is None


#: Outcome of a backfill of a stream that has been read whole, by its state. In any other state it runs, to
#: find out how the stream is now.
_BACKFILLED = {
    StreamState.COMPLETE: Outcome.SKIPPED,
    StreamState.INCOMPLETE: Outcome.INCOMPLETE,
    StreamState.HELD: Outcome.HELD,
}


def backfill_outcome(stream: StreamView, filters: Mapping[str, str]) -> Outcome | None:
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
    if mode is not Mode.RESTART:
        found = next_kind(stream, spec, filters, view_ages(now, full_every), stale_before)
        if isinstance(found, Walk):
            return found
        if found is Kind.INCREMENTAL and stream.watermark is not None:
            return Walk(new_id, found, request_time(stream.watermark - overlap), filters)
    return Walk(new_id, Kind.FULL, None, filters)


class ViewAges(Struct, frozen=True):
    """Times that decide how old a view is.

    newest: beyond it lies what a clock that was wrong has stored. whole_after: of a full walk that is not to
    be repeated yet; told_after: of a view to which Kombo still tells all deletions since.
    """

    newest: datetime
    whole_after: datetime
    told_after: datetime

    def is_outdated(self, view: datetime | None) -> bool:
        """Tell whether Kombo may tell no more of what was deleted since the view."""
        return view is not None and not self.told_after < view <= self.newest


def view_ages(now: datetime, full_every: timedelta) -> ViewAges:
    """Compute the times that decide on the age of views. Once for all streams: there may be many."""
    return ViewAges(now + VIEW_AHEAD, now - full_every, now - TOMBSTONES_LAST)


def next_kind(
    stream: StreamView,
    spec: ListSpec,
    filters: Mapping[str, str],
    ages: ViewAges,
    stale_before: datetime | None = None,
) -> Walk | Kind:
    """Choose the unfinished walk where it still fits, or the kind of a new one, as ``next_walk`` says."""
    last_full_walk_at = stream.last_full_walk_at
    stale_since = None if stale_before is None or stale_before > ages.newest else stale_before
    is_stale = stale_since is not None and last_full_walk_at is not None and last_full_walk_at < stale_since
    if (unfinished := stream.walk) is not None and unfinished.filters == filters:
        if unfinished.kind is Kind.FULL:
            began_at = unfinished.began_at
            is_old = stale_since is not None and began_at is not None and began_at < stale_since
            if not is_old and not ages.is_outdated(began_at):
                return unfinished
        # An incremental walk adds to what was complete before it.
        elif not is_stale and not ages.is_outdated(stream.complete_at):
            return unfinished
    if not spec.features.updated_after or is_stale or stream.watermark is None:
        return Kind.FULL
    if last_full_walk_at is None or not ages.whole_after < last_full_walk_at <= ages.newest:
        return Kind.FULL
    if stream.filters != filters or ages.is_outdated(stream.complete_at):
        return Kind.FULL
    return Kind.INCREMENTAL


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


class Continue(Struct, frozen=True):
    """The walk goes on with the page at its cursor."""

    walk: Walk


class Repeat(Struct, frozen=True):
    """The walk is repeated from its first page: it may have missed records that a repetition would find."""

    walk: Walk


class LastPage(Struct, frozen=True):
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
