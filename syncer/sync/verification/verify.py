"""Verification of one stream: nothing is written, and no lease is taken.

ready? -> read the list, page by page, or a sample -> live rows that it did not have -> settle -> result
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from datetime import datetime
from functools import partial
from typing import Literal, TypeVar

from msgspec import Struct
from sqlalchemy import Connection

from syncer.domain.errors import (
    CursorRefused,
    KeyRefused,
    KomboError,
    ModelUnavailable,
    StatementFailed,
)
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.decisions import MAX_RESTARTS
from syncer.domain.streams.deletions import batches
from syncer.domain.streams.progress import WalkProgress
from syncer.domain.streams.state import Outcome, StreamState
from syncer.domain.streams.stream import Kind, Stream, Walk
from syncer.domain.verification.difference import Difference, Verdict
from syncer.domain.verification.removed_paths import removed_paths, replaced_paths
from syncer.domain.verification.result import Digests, MirrorView, Sample, SourceView, Verification
from syncer.domain.verification.sampling import choose, most_differing
from syncer.kombo.lists import Page
from syncer.store.reading.mirrored_records import count_deleted, live_ids
from syncer.store.state.projections import adopted_projections, unfinished_lists
from syncer.store.state.refused_parameters import read_refused
from syncer.sync.context import Progress, Result, Stopped, SyncContext
from syncer.sync.deletions.confirm import lookup
from syncer.sync.page_loop import prefetch
from syncer.sync.sources.kombo_list import KomboListSource
from syncer.sync.sources.lookup import source_of
from syncer.sync.verification.comparison import ComparedRecords, Unverifiable, compare_records
from syncer.sync.verification.ledger import Ledger
from syncer.sync.verification.settle import PURPOSE, Settling

_T = TypeVar("_T")

NATIVE = "Native lists are not verified: a tool cannot be asked for single records."


class SampleOrder(Struct, frozen=True):
    """Order to compare so many rows of a stream, chosen by chance (uniform: from 0 to less than 1)."""

    rows: int
    uniform: Callable[[], float]


async def verify_stream(
    context: SyncContext, key: StreamKey, sample: SampleOrder | None = None
) -> Verification:
    """Verify one stream. What is wrong with it becomes the result's verdict and reason.

    sample: of its rows, instead of the whole list. Raises KeyRefused, since nothing else can be verified
    either, UsageError where there is no place for the ids, and DatabaseError.
    """
    found = await _verify(context, key, sample)
    # As a run, for whoever shows how far it has got.
    outcome = Outcome.COMPLETE if found.verdict.is_well else Outcome.FAILED
    context.report(Progress(key, "ended", Kind.FULL, result=Result(key, outcome, error=found.reason)))
    return found


async def _verify(context: SyncContext, key: StreamKey, sample: SampleOrder | None) -> Verification:
    environment, database = context.streams.environment, context.database
    refused = await database.ask(
        lambda connection: read_refused(connection, environment, key, database.now(connection))
    )
    source = source_of(context, key, lambda: refused)
    if not isinstance(source, KomboListSource):
        return Verification(environment, key, Verdict.SKIPPED, NATIVE)
    try:
        stream = await context.database.ask(partial(_check, source))
        with Ledger() as ledger:
            return await _Verifying(source, stream, Settling(source, ledger)).run(sample)
    except Unverifiable as error:
        return Verification(environment, key, error.verdict, str(error))
    except Stopped:
        return Verification(environment, key, Verdict.UNREAD, "It was stopped.")
    except KeyRefused:
        raise
    except ModelUnavailable as error:
        return Verification(environment, key, Verdict.SKIPPED, error.reason)
    except KomboError as error:
        return Verification(environment, key, Verdict.UNREAD, error.reason)
    except StatementFailed as error:
        reason = f"The rows of {key.model} cannot be read: {error.reason}."
        return Verification(environment, key, Verdict.UNREAD, reason)


def _check(source: KomboListSource, connection: Connection) -> Stream:
    """Read the stream. Raises Unverifiable unless its rows are there, and by the rules of this process."""
    context, name = source.context, source.spec.name
    stream = context.streams.find(connection, source.key)
    if stream is not None and stream.state is StreamState.UNAVAILABLE:
        raise Unverifiable(Verdict.SKIPPED, "Kombo does not offer this model here.")
    if stream is None or stream.last_full_walk_at is None:
        raise Unverifiable(Verdict.UNREAD, "It has not been read whole yet: `syncer backfill` does that.")
    if stream.filters != source.filters:
        raise Unverifiable(Verdict.UNREAD, "It was read with other filters: `syncer sync` reads it anew.")
    wanted = source.projection.fingerprint
    if adopted_projections(connection).get(name, wanted) != wanted or name in unfinished_lists(connection):
        raise Unverifiable(
            Verdict.UNREAD,
            "Its rows are being brought in step with another version or other exclusions: `syncer reproject`"
            " does that.",
        )
    return stream


class _Verifying(Struct):
    """Verification under way. pages: of the list; rows: records compared so far; live: rows of the mirror."""

    source: KomboListSource
    stream: Stream
    settling: Settling
    pages: int = 0
    rows: int = 0
    unidentified: int = 0
    live: int = 0
    began_at: datetime | None = None
    ended_at: datetime | None = None

    async def run(self, order: SampleOrder | None) -> Verification:
        """Verify it. Raises KomboError, Unverifiable, Stopped, DatabaseError."""
        self._report("begun")
        can_look_up = self.source.spec.features.ids
        sample = await self._sample(order) if order is not None and can_look_up else None
        if sample is None:
            await self._list()
            await self._rows()
        await self.settling.settle()
        # What was compared by the rules of the beginning is worth nothing by others.
        stream = await self._ask(partial(_check, self.source))
        return await self._result(stream, sample)

    async def _list(self) -> None:
        """Compare the records of the list."""
        restarts = 0
        while True:
            self.began_at, self.pages, self.rows, self.unidentified = None, 0, 0, 0
            progress = WalkProgress(self.source.spec.name, self.source.integration_id)
            try:
                async with aclosing(prefetch(self._pages())) as pages:
                    async for page in pages:
                        await self._compare_page(page, progress)
                return
            except CursorRefused:
                if restarts == MAX_RESTARTS:
                    raise
                restarts += 1
                self.settling = Settling(self.source, self.settling.ledger)
                self.settling.ledger.clear()

    async def _pages(self) -> AsyncGenerator[Page, None]:
        """Fetch all pages of the list."""
        walk = Walk("verification", Kind.FULL, None, self.source.filters)
        cursor: str | None = None
        while True:
            page = await self.source.page(walk, cursor, PURPOSE)
            yield page
            if page.next is None:
                return
            cursor = page.next

    async def _compare_page(self, page: Page, progress: WalkProgress) -> None:
        context = self.source.context
        context.check_stopping()
        self.began_at = self.began_at or page.started_at
        self.ended_at, self.pages = page.served_at, self.pages + 1

        def compare(connection: Connection) -> ComparedRecords:
            return compare_records(self.source, self.source.read(page), (), connection)

        found = await self._ask(compare)
        for each in found.records:
            self.settling.add(each, found.now, in_list=True)
        self.settling.leave_out(found.erased)
        ids = [*(each.id for each in found.records), *sorted(found.erased), *found.unidentified]
        progress.add_page(ids, has_next=page.next is not None)
        for _ in found.unidentified:
            self.settling.findings.add(None, [Difference.MISSING], is_unreadable=True)
        self.unidentified += len(found.unidentified)
        self._enter(found)

    async def _rows(self) -> None:
        """Find the live rows that the list did not have."""
        after, ids = "", [""]
        while ids:
            self.source.context.check_stopping()
            ids, now = await self._ask(partial(self._live_ids, after))
            self.live += len(ids)
            after = ids[-1] if ids else after
            for each in self.settling.ledger.unknown(ids):
                self.settling.add_row(each, now)

    async def _sample(self, order: SampleOrder) -> Sample:
        """Compare some rows by their ids."""
        ids, self.live = await self._ask(partial(self._choose, order))
        for batch in batches(sorted(ids)):
            self.source.context.check_stopping()
            self.settling.lookups += 1
            answer = await lookup(self.source, batch, PURPOSE)
            found = await self._ask(partial(compare_records, self.source, answer.found, answer.unknown))
            for each in found.records:
                self.settling.add(each, found.now, in_list=False)
            self.settling.leave_out(found.erased)
            self._enter(found)
        return Sample(len(ids), self.live, 0)

    def _choose(self, order: SampleOrder, connection: Connection) -> tuple[list[str], int]:
        def every() -> Iterator[str]:
            after = ""
            while ids := live_ids(connection, self.source.destination, after):
                yield from ids
                after = ids[-1]

        return choose(every(), order.rows, order.uniform)

    def _enter(self, found: ComparedRecords) -> None:
        """Enter compared records in the ledger, and report how far that is."""
        self.settling.ledger.enter(each.entry for each in found.records)
        self.rows += len(found.records)
        self._report("page")

    def _report(self, step: Literal["begun", "page"]) -> None:
        stream = self.stream
        expected = stream.rows_live + stream.rows_deleted or None
        self.source.context.report(
            Progress(self.source.key, step, Kind.FULL, self.rows, self.pages, expected)
        )

    async def _ask(self, work: Callable[[Connection], _T]) -> _T:
        return await self.source.context.database.ask(work)

    def _live_ids(self, after: str, connection: Connection) -> tuple[list[str], datetime]:
        now = self.source.context.database.now(connection)
        return live_ids(connection, self.source.destination, after), now

    async def _result(self, stream: Stream, sample: Sample | None) -> Verification:
        source, settling = self.source, self.settling
        totals, findings = settling.ledger.totals(), settling.findings
        deleted = await self._ask(lambda connection: count_deleted(connection, source.destination))
        digests: Digests | None = None
        if sample is None:
            digests = await asyncio.to_thread(settling.ledger.digests)
        else:
            sample = Sample(
                sample.rows, sample.of, most_differing(sample.of, sample.rows, findings.differing)
            )
        return Verification(
            source.context.streams.environment,
            source.key,
            findings.verdict,
            findings=findings,
            source=SourceView(
                totals.records,
                totals.live,
                totals.deleted,
                self.unidentified,
                self.pages,
                settling.lookups,
                self.began_at,
                self.ended_at,
            ),
            mirror=MirrorView(self.live, deleted, stream.watermark),
            digests=digests,
            sample=sample,
            filters=source.filters,
            excluded=removed_paths(source.excluded),
            pseudonymised=replaced_paths(source.excluded),
        )
