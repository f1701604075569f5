"""The walk: all pages of one list, each stored together with the place it leads to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.records.change import Counts
from syncer.domain.streams.decisions import Kind, Stream, Walk, again, finished, must_repeat
from syncer.kombo.lists import Page
from syncer.store.state.seen import forget_seen, met, note_seen
from syncer.store.state.standing import standing
from syncer.store.state.streams import Lease
from syncer.sync.context import Engine
from syncer.sync.page import Compared, compare, take_stream, write_records
from syncer.sync.sources.base import Source


@dataclass(frozen=True, slots=True)
class Stored:
    """A page that is in the mirror: the walk as it stands after it, and what the page's records did.

    stream: as it is after the last page, set with that. now: by the database's clock.
    """

    walk: Walk
    counts: Counts
    now: datetime
    stream: Stream | None = None


async def walk_list(
    engine: Engine, lease: Lease, run_id: str, source: Source, walk: Walk, purpose: Purpose
) -> AsyncGenerator[Stored, None]:
    """Follow the list from the walk's cursor to its end; give each page once it is stored.

    While a page is written the next one is compared and the one after that is fetched. Raises KomboError
    where the API gives no page, LeaseLost where another runner has the stream, ProjectionReplaced where
    another process mirrors the list by other rules.
    """
    ahead = _Ahead(engine, lease, source, purpose)
    pages = ahead.pages(walk)
    coming = asyncio.ensure_future(anext(pages))
    written: set[str] = set()
    try:
        while True:
            page, records = await coming
            if not written.isdisjoint(records.ids):
                # It was compared before the last page was stored, with which it shares records.
                records = await ahead.compared(page)
            if page.next is not None:
                coming = asyncio.ensure_future(anext(pages))
            stored = await engine.database.write(
                partial(
                    _store,
                    engine=engine,
                    lease=lease,
                    run_id=run_id,
                    source=source,
                    walk=walk,
                    page=page,
                    records=records,
                )
            )
            yield stored
            if stored.stream is not None:
                return
            walk, written = stored.walk, records.to_write
            if page.next is None:
                # The walk is repeated from its first page.
                pages = ahead.pages(walk)
                coming = asyncio.ensure_future(anext(pages))
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)
        await pages.aclose()


@dataclass(frozen=True, slots=True)
class _Ahead:
    """What can be done of a page before the one in front of it is stored."""

    engine: Engine
    lease: Lease
    source: Source
    purpose: Purpose

    async def pages(self, walk: Walk) -> AsyncGenerator[tuple[Page, Compared], None]:
        """The pages from the walk's place on, each beside the mirror; the one after it is being fetched."""
        fetching = asyncio.create_task(self.source.page(walk, walk.cursor, self.purpose))
        try:
            while True:
                page = await fetching
                if page.next is not None:
                    fetching = asyncio.create_task(self.source.page(walk, page.next, self.purpose))
                yield page, await self.compared(page)
                if page.next is None:
                    return
        finally:
            fetching.cancel()
            await asyncio.gather(fetching, return_exceptions=True)

    async def compared(self, page: Page) -> Compared:
        """The page's records beside the mirror, outside of the transaction that others may wait for."""

        def compared(connection: Connection) -> Compared:
            key = self.lease.key
            return compare(connection, self.engine, key, self.source, self.source.read(page))

        return await self.engine.database.ask(compared)


def _store(
    connection: Connection,
    *,
    engine: Engine,
    lease: Lease,
    run_id: str,
    source: Source,
    walk: Walk,
    page: Page,
    records: Compared,
) -> Stored:
    """One page and the place it leads to, in one transaction."""
    streams, key = engine.streams, lease.key
    now = engine.database.now(connection)
    if records.changes_nothing:
        # Whether the lease still holds shows when the place is kept.
        source.hold(connection)
    else:
        take_stream(connection, engine, lease, source, now)
    if walk.began_at is None:
        walk = replace(walk, started_at=page.started_at, began_at=now - timedelta(seconds=page.duration))
    if source.may_repeat and records.rows:
        ids = [row.id for row in records.rows]
        records = records.without(met(connection, streams.environment, key, walk.id, ids))
    written = write_records(
        connection,
        engine,
        lease,
        run_id,
        source,
        records,
        now=now,
        walk_began_at=walk.began_at or now,
        kind=walk.kind,
    )
    counts = written.counts
    if walk.kind is Kind.FULL:
        if walk.pages == 0:
            forget_seen(connection, streams.environment, key)
        note_seen(connection, streams.environment, key, walk.id, walk.pages + 1, records.shown)

    walk = replace(
        walk,
        cursor=page.next,
        pages=walk.pages + 1,
        rows=walk.rows + len(page.results),
        moved=walk.moved or counts.moved > 0,
    )
    if page.next is None and not must_repeat(walk):
        after = finished(streams.get(connection, *key), walk)
        if after.walk is None:
            # Not left to the run's end: whoever is killed before that has done all there was to do.
            after = replace(after, state=standing(connection, streams.environment, key).state())
        streams.finish_walk(connection, lease, after, counts)
        return Stored(walk, counts, now, after)
    if page.next is None:
        walk = again(walk, engine.new_id(), round=walk.round + 1)
    streams.save_walk(connection, lease, walk, counts, now=now, length=engine.rules.lease)
    return Stored(walk, counts, now)
