"""The page transaction: rows, quarantine, checkpoint and watermark of one page commit together."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection

from syncer.domain.records.change import Change, Counts
from syncer.domain.streams.decisions import (
    LastPage,
    NextStep,
    after_last_page,
    is_watermark_refuted,
    next_step,
)
from syncer.domain.streams.stream import Kind, Stream, Walk
from syncer.kombo.lists import Page
from syncer.store.records.blanked_copies import blank_carriers, find_carriers
from syncer.store.records.reproject import BatchContext
from syncer.store.records.write import WrittenRows, write_rows
from syncer.store.state.health import health
from syncer.store.state.missing import MissingStore
from syncer.store.state.quarantine import keep_in_quarantine
from syncer.store.state.runs import count_page
from syncer.store.state.seen import forget_seen, note_seen, seen_among
from syncer.sync.compare import PageDiff, compare, compare_page
from syncer.sync.context import WatermarkRefuted
from syncer.sync.erase import keep_late
from syncer.sync.feed import tell_written
from syncer.sync.history import keep_written
from syncer.sync.run_context import RunContext
from syncer.sync.sources.base import Records


class StoredPage(Struct, frozen=True):
    """A page that is in the mirror: the step that follows it, and the effects of its records."""

    step: NextStep
    counts: Counts


class WalkEnd(Struct, frozen=True):
    """A walk at its end, and the stream after it. now: by the database's clock."""

    walk: Walk
    stream: Stream
    now: datetime


class LastStoredPage(StoredPage, frozen=True):
    """The page that ended the walk."""

    end: WalkEnd


def store_page(
    run: RunContext,
    walk: Walk,
    page: Page,
    diff: PageDiff,
    connection: Connection,
    *,
    by_halves: bool = True,
) -> StoredPage:
    """Store one page and the checkpoint it leads to, in one transaction.

    by_halves: as of ``write_rows``. Raises LeaseLost, ProjectionReplaced, WatermarkRefuted where it is the
    first of an incremental walk, and RowsRefused unless by halves.
    """
    context, streams = run.context, run.context.streams
    history, erasures, pinned_at = run.source.pin(connection)
    if erasures != diff.erasures:
        # Something was erased since, here or by another process.
        diff = compare_page(run, page, connection, context.erasures.at(connection, erasures))
    # save_walk() and finish_walk() check the fence below; a page that changes nothing needs no renewal of
    # its own.
    now = context.database.adjusted(pinned_at)
    if not diff.changes_nothing:
        run.renew(connection, now)
    began_at = walk.began_at or now - timedelta(seconds=page.duration)
    if walk.began_at is None:
        walk = replace(walk, started_at=page.started_at, began_at=began_at)
        if walk.kind is Kind.INCREMENTAL:
            check_watermark(run, walk, page, connection)
    if run.source.may_list_twice and diff.rows:
        ids = [row.id for row in diff.rows]
        diff = diff.without(seen_among(connection, run.environment, run.key, walk.id, ids))
    counts = write_records(run, diff, connection, now, began_at, history, by_halves=by_halves).counts
    count_page(connection, run.run_id, walk.kind, counts, stored=run.stored.count)
    if walk.kind is Kind.FULL:
        if walk.pages == 0:
            forget_seen(connection, run.environment, run.key)
        note_seen(connection, run.environment, run.key, walk.id, walk.pages + 1, diff.seen_ids)

    step = next_step(
        walk,
        next_cursor=page.next,
        records=len(page.results),
        has_moved=counts.moved > 0,
        new_id=context.new_id(),
    )
    if isinstance(step, LastPage):
        after = after_last_page(streams.get(connection, run.key), step.walk)
        if after.walk is None:
            # Set here, not at the run's end: a process killed in between must not leave it stale.
            after = replace(after, state=health(connection, run.environment, run.key).state())
        streams.finish_walk(connection, run.lease, after, counts)
        return LastStoredPage(step, counts, WalkEnd(step.walk, after, now))
    streams.save_walk(connection, run.lease, step.walk, counts, now=now, length=context.rules.lease)
    return StoredPage(step, counts)


def check_watermark(run: RunContext, walk: Walk, page: Page, connection: Connection) -> None:
    """Raise WatermarkRefuted where the beginning of the walk shows that it may pass over changes."""
    stream, overlap = run.context.streams.get(connection, run.key), run.context.rules.overlap
    if is_watermark_refuted(stream, walk, served_at=page.served_at, overlap=overlap):
        raise WatermarkRefuted


def write_records(
    run: RunContext,
    diff: PageDiff,
    connection: Connection,
    now: datetime,
    walk_began_at: datetime,
    history: Collection[str],
    *,
    by_halves: bool = True,
) -> WrittenRows:
    """Make the mirror's rows those of the records; give the effect of each, and all that is in quarantine.

    history: the tables of which versions are kept. by_halves: as of ``write_rows``. Call it under the fence.
    """
    # Before rows are locked, and before the feed: in one order everywhere.
    keep_late(connection, run.key.model, diff.late, run.context.new_id())
    blanked = [] if run.context.rules.keep_anonymised else diff.blanked_ids
    carriers = find_carriers(connection, run.key.model, blanked) if blanked else {}
    written = write_rows(
        connection,
        run.source.destination,
        diff.rows,
        diff.effects,
        diff.stored,
        now=now,
        walk_began_at=walk_began_at,
        keep_anonymised=run.context.rules.keep_anonymised,
        by_halves=by_halves,
    )
    if carriers:
        batch = BatchContext(connection, run.run_id, now, len(carriers))
        blank_carriers(batch, run.key.model, blanked, carriers, run.context.rules.exclusions)
    poisons = [*diff.poisons, *written.poisons]
    counts = written.counts + Counts(unchanged=len(diff.unchanged), quarantined=len(poisons))
    effects = {**written.effects, **dict.fromkeys(diff.unchanged, Change.UNCHANGED)}
    keep_in_quarantine(
        connection, run.environment, run.key, run.run_id, now, poisons, written.rows, diff.quarantined_keys
    )
    if diff.has_missing_rows:
        MissingStore(run.environment, run.key).forget(connection, diff.ids)
    keep_written(run, connection, history, diff, written, now)
    tell_written(run, connection, diff, written, now)
    return WrittenRows(counts, effects, written.rows, poisons, diff.erased.keys())


def write_looked_up(run: RunContext, records: Records, connection: Connection) -> WrittenRows:
    """Write records that were looked up outside of a walk, and keep the stream's counters right.

    Raises ProjectionReplaced, LeaseLost.
    """
    history, erasures, _ = run.source.pin(connection)
    now = run.fence(connection)
    diff = compare(run, records, connection, run.context.erasures.at(connection, erasures))
    written = write_records(run, diff, connection, now, walk_began_at=now, history=history)
    count_page(connection, run.run_id, None, written.counts, pages=0, stored=run.stored.count)
    run.context.streams.count_rows(connection, run.lease, written.counts)
    return written
