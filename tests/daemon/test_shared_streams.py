"""Several services on one database share what is due: each stream has one run, whoever looks at it."""

from __future__ import annotations

import asyncio
import threading
from contextlib import AsyncExitStack
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import event, select

from syncer.daemon.runs import Runs
from syncer.daemon.workers import Workers
from syncer.domain.streams.stream import Mode
from syncer.store.schema.mirror_tables import streams
from syncer.sync.run import run_stream
from tests.support.workers import MakeWorkersWorld, Work, WorkersWorld

#: Seconds after which nobody in these tests looks by itself.
NEVER = 3_600.0


async def test_services_that_find_the_same_streams_due_read_each_once(make_world: MakeWorkersWorld) -> None:
    world = make_world(integrations=4)
    async with AsyncExitStack() as stack:
        works = [
            await stack.enter_async_context(world.working(due=False, poll_every=NEVER, concurrency=4))
            for _ in range(3)
        ]
        keys = works[0].keys
        # Twice: streams that have been read before are over so soon that who looks late finds them done.
        for times in (1, 2):
            world.steps.clear()
            world.mark(*keys)
            for each in works:
                each.workers.wake()
            await world.until(lambda: len(set(world.ended())) == len(keys), f"all streams, {times}")
            await world.until(lambda: not world.mirror.leases(), "the ends of the runs")
            assert sorted(world.ended()) == sorted((key, "complete") for key in keys)
    runs = world.mirror.fetch("SELECT count(*), count(DISTINCT model || integration_id) FROM sync_runs")
    assert runs == [(2 * len(keys), len(keys))]


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
async def test_a_stream_whose_row_another_transaction_has_is_run_once_it_is_free(
    world: WorkersWorld,
) -> None:
    tried = threading.Event()

    def watch(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "SKIP LOCKED" in statement:
            tried.set()

    async with world.working(due=False, poll_every=NEVER) as work:
        key = work.keys[0]
        world.mark(key)
        with world.mirror.open() as (_, connection):
            connection.execute(select(streams).where(streams.c.model == key.model).with_for_update())
            event.listen(work.app.database.engine, "after_cursor_execute", watch)
            work.workers.wake()
            await world.until(tried.is_set, "a claim that passes it over")
            assert world.ended() == []
        await world.until(world.ended, "the run")
    assert world.ended() == [(key, "complete")]


def idle() -> asyncio.Event:
    """Stop a service's own work before it begins."""
    stopping = asyncio.Event()
    stopping.set()
    return stopping


def runs_of(work: Work) -> Runs:
    return Runs(work.engine, work.asking, 8, asyncio.Event(), on_change=lambda: None)


async def test_what_another_service_has_read_since_the_look_is_not_run_again(world: WorkersWorld) -> None:
    async with world.working(due=False, stopping=idle()) as work:
        key = work.keys[0]
        world.mark(key)
        # What a look of this service has found is read by another one before it is claimed.
        await run_stream(replace(work.engine, owner="another"), work.asking, key, mode=Mode.SYNC)
        assert await runs_of(work).claim([key], 1) == []
        world.mark(key)
        claimed = await runs_of(work).claim([key], 1)
        assert claimed is not None
        assert [each.key for each in claimed] == [key]


async def test_a_claim_whose_run_has_not_begun_is_found_again(world: WorkersWorld) -> None:
    async with world.working(due=False, stopping=idle()) as work:
        key = work.keys[0]
        world.mark(key)
        assert await runs_of(work).claim([key], 1)
        assert len(world.mirror.leases()) == 1
        stopping = asyncio.Event()
        running = asyncio.create_task(Workers(work.engine, work.asking, 8, stopping).run())
        await world.until(world.ended, "the run")
        stopping.set()
        await running
    assert world.ended() == [(key, "complete")]
