"""The page loop of a walk: a pipeline that works on three pages at a time.

    fetch_pages | prefetch | compare_pages | prefetch | store_page

While a page is stored the next one is compared with the mirror, and the one after that is fetched.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection

from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.streams.decisions import LastPage
from syncer.domain.streams.progress import WalkProgress
from syncer.domain.streams.stream import Kind, Walk
from syncer.kombo.lists import Page
from syncer.store.records.write import RowsRefused
from syncer.store.state.seen import seen_pages
from syncer.sync.compare import PageDiff, compare_page
from syncer.sync.page import StoredPage, store_page
from syncer.sync.run_context import RunContext

_T = TypeVar("_T")


async def walk_pages(run: RunContext, walk: Walk, purpose: Purpose) -> AsyncGenerator[StoredPage, None]:
    """Follow the list from the walk's cursor to its end; give each page once it is stored.

    A walk that has to be repeated goes on with its first page. Raises KomboError where the API gives no page,
    ListStuck where its pages do not end, LeaseLost where another runner has the stream, ProjectionReplaced
    where another process mirrors the list by other rules.
    """
    while True:
        written: set[str] = set()
        progress = await _progress(run, walk)
        compared = compare_pages(run, prefetch(fetch_pages(run, walk, purpose)))
        async with aclosing(prefetch(compared)) as pages:
            async for page, diff in pages:
                if not written.isdisjoint(diff.ids):
                    # It was compared before the last page was stored, with which it shares records.
                    diff = await run.read(partial(compare_page, run, page))
                progress.add_page(
                    diff.identities,
                    has_next=page.next is not None,
                    part=page.parent,
                    has_changes=diff.has_changes,
                )
                stored = await _store(run, walk, page, diff)
                run.stored.count += 1
                yield stored
                walk, written = stored.step.walk, diff.written_ids
        # The list has been read to its end, and the walk with it unless it has to be repeated.
        if isinstance(stored.step, LastPage):
            return


async def _store(run: RunContext, walk: Walk, page: Page, diff: PageDiff) -> StoredPage:
    """Store a page, at first as if the database took every value: it hardly ever refuses one."""
    try:
        return await run.write(partial(store_page, run, walk, page, diff, by_halves=False))
    except RowsRefused:
        return await run.write(partial(store_page, run, walk, page, diff))


async def _progress(run: RunContext, walk: Walk) -> WalkProgress:
    """Make the progress of a walk; one that another run began goes on with what is kept of its pages."""
    progress = WalkProgress(run.key.model, run.key.integration_id, pages=walk.pages)

    def resume(connection: Connection) -> None:
        for ids in seen_pages(connection, run.environment, run.key, walk.id):
            progress.resume(each for each in ids if each is not None)

    if walk.kind is Kind.FULL and walk.pages and run.source.spec.for_each is None:
        await run.read(resume)
    return progress


async def fetch_pages(run: RunContext, walk: Walk, purpose: Purpose) -> AsyncGenerator[Page, None]:
    """Fetch the pages from the walk's cursor on."""
    cursor = walk.cursor
    while True:
        page = await run.source.page(walk, cursor, purpose)
        yield page
        if page.next is None:
            return
        cursor = page.next


async def compare_pages(
    run: RunContext, pages: AsyncGenerator[Page, None]
) -> AsyncGenerator[tuple[Page, PageDiff], None]:
    """Compare each page with the mirror, outside of the transaction that others may wait for."""
    async with aclosing(pages):
        async for page in pages:
            yield page, await run.read(partial(compare_page, run, page))


async def prefetch(items: AsyncGenerator[_T, None]) -> AsyncGenerator[_T, None]:
    """Produce each item while the consumer works on the one before it."""
    coming = asyncio.ensure_future(anext(items))
    try:
        while True:
            try:
                item = await coming
            except StopAsyncIteration:
                return
            coming = asyncio.ensure_future(anext(items))
            yield item
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)
        await items.aclose()
