"""The walk: all pages of one list, each stored together with the place it leads to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from syncer.domain.budget import Purpose
from syncer.domain.change import Counts
from syncer.domain.model import Model
from syncer.domain.plan import Kind, Stream, Walk, again, finished, must_repeat
from syncer.kombo.protocol import Page
from syncer.store.seen import forget_seen, note_seen
from syncer.store.state import Lease
from syncer.sync.engine import Engine
from syncer.sync.records import Compared, compare, read_records, take_stream, write_records
from syncer.sync.standing import standing


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
    engine: Engine, lease: Lease, run_id: str, model: Model, walk: Walk, purpose: Purpose
) -> AsyncGenerator[Stored, None]:
    """Follow the list from the walk's cursor to its end; give each page once it is stored.

    While a page is written the next one is already being fetched. Raises KomboError where the API gives no
    page, LeaseLost where another runner has the stream, ProjectionReplaced where another process mirrors the
    model by other rules.
    """
    fetching = asyncio.create_task(_fetch(engine, lease, model, walk, walk.cursor, purpose))
    try:
        while True:
            page = await fetching
            if page.next is not None:
                fetching = asyncio.create_task(_fetch(engine, lease, model, walk, page.next, purpose))
            compared = await engine.database.ask(
                partial(_compare, engine=engine, lease=lease, model=model, page=page)
            )
            stored = await engine.database.write(
                partial(
                    _store,
                    engine=engine,
                    lease=lease,
                    run_id=run_id,
                    model=model,
                    walk=walk,
                    page=page,
                    records=compared,
                )
            )
            yield stored
            if stored.stream is not None:
                return
            walk = stored.walk
            if page.next is None:
                # The walk is repeated from its first page.
                fetching = asyncio.create_task(_fetch(engine, lease, model, walk, None, purpose))
    finally:
        fetching.cancel()
        await asyncio.gather(fetching, return_exceptions=True)


async def _fetch(
    engine: Engine, lease: Lease, model: Model, walk: Walk, cursor: str | None, purpose: Purpose
) -> Page:
    return await engine.client.list_page(
        model,
        lease.integration_id,
        purpose=purpose,
        page_size=engine.rules.page_size,
        updated_after=walk.updated_after,
        cursor=cursor,
        filters=walk.filters,
    )


def _compare(connection: Connection, *, engine: Engine, lease: Lease, model: Model, page: Page) -> Compared:
    """The page beside the mirror, before the transaction that others may have to wait for."""
    records = read_records(engine, model, page.results)
    return compare(connection, engine, (lease.integration_id, lease.model), model, records)


def _store(
    connection: Connection,
    *,
    engine: Engine,
    lease: Lease,
    run_id: str,
    model: Model,
    walk: Walk,
    page: Page,
    records: Compared,
) -> Stored:
    """One page and the place it leads to, in one transaction."""
    streams, key = engine.streams, (lease.integration_id, lease.model)
    now = engine.database.now(connection)
    take_stream(connection, engine, lease, model, now)
    if walk.began_at is None:
        walk = replace(walk, started_at=page.started_at, began_at=now - timedelta(seconds=page.duration))
    written = write_records(
        connection,
        engine,
        lease,
        run_id,
        model,
        records,
        now=now,
        walk_began_at=walk.began_at or now,
        kind=walk.kind,
    )
    counts = written.counts
    if walk.kind is Kind.FULL:
        if walk.pages == 0:
            forget_seen(connection, streams.environment, key)
        note_seen(connection, streams.environment, key, walk.id, walk.pages + 1, records.ids)

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
