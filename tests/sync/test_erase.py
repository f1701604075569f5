"""What a person has erased is nowhere in the database, and stays out however often the source sends it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from syncer.domain.errors import UsageError
from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.decisions import next_walk
from syncer.domain.streams.stream import Mode
from syncer.operations.erase import Wanted, undo
from syncer.operations.reproject import reproject
from syncer.simulator.server.faults import Mangled, Match
from syncer.store.db.database import Database
from syncer.store.schema.erasure_tables import erased
from syncer.store.schema.feed_tables import changes
from syncer.store.state.projections import erasures_version, share_projections
from syncer.sync.compare import compare_page
from syncer.sync.lease import leased_run
from syncer.sync.page import store_page
from tests.support.alone import ready
from tests.support.mirror import Mirror
from tests.support.somebody import (
    ATS,
    CANDIDATES,
    EMPLOYEES,
    HRIS,
    MARK,
    add_somebody,
    counted,
    erased_now,
    everything,
    mirror_somebody,
    walk_whole,
)
from tests.support.source import standing_environment
from tests.support.waiting import until_async
from tests.support.world import MakeWorld, World, company_of


def marked(value: Any, name: str = "") -> Any:
    """Put the mark into every text of a record; what its copies of shared children say is of nobody."""
    if isinstance(value, dict):
        return {key: each if key == "salary_type" else marked(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [marked(each, name) for each in value]
    is_text = isinstance(value, str) and not name.endswith(("id", "ids")) and not value[:4].isdigit()
    return f"{MARK} {value}" if is_text else value


def plant(somebody: str, about: set[str]) -> Callable[[bytes], bytes]:
    """Mark the records of a list that are about somebody, and all copies of them; give others copies, too."""

    def copies(value: Any) -> Any:
        if isinstance(value, list):
            return [copies(each) for each in value]
        if not isinstance(value, dict):
            return value
        return marked(value) if value.get("id") == somebody else {k: copies(v) for k, v in value.items()}

    def change(body: bytes) -> bytes:
        answer = json.loads(body)
        copy = {"id": somebody, "first_name": f"{MARK} copied"}
        results = answer["data"]["results"]
        results = [marked(each) if each["id"] in about else copies(each) for each in results]
        for number, record in enumerate(results):
            if number % 5 == 0:
                record |= {"brand_new": [copy], "custom_fields": {"buddy": copy, "lead": somebody}}
            if record["id"] in about and number % 2:
                # It goes to quarantine.
                record["changed_at"] = f"{MARK} is no time"
        answer["data"]["results"] = results
        return json.dumps(answer).encode()

    return change


@pytest.mark.parametrize("model", [EMPLOYEES, CANDIDATES])
async def test_no_value_of_an_erased_person_is_left_or_comes_back_in_three_full_walks(
    make_world: MakeWorld, model: str
) -> None:
    lists = HRIS if model == EMPLOYEES else ATS
    world = make_world(
        records=150,
        sync={"models": lists},
        history={"models": lists},
        changes={"models": ["*"], "before": True},
    )
    somebody, about = add_somebody(company_of(world), model)
    for name in lists:
        change = Mangled(plant(somebody, about.get(name, set())))
        world.environment.faults.add(Match(model=name), change, times=None)
    await world.sync(mode=Mode.BACKFILL, may_quarantine=True)
    company_of(world).update(model, somebody, first_name="Former")
    await walk_whole(world)
    assert everything(world).count(MARK) > 20

    receipt = await erased_now(world, Wanted(model, id=somebody, reason="asked for it"))
    assert receipt.state == "finished"
    assert sum(receipt.erased.values()) > 5
    assert MARK not in everything(world)
    assert await walk_whole(world) == 0
    assert await walk_whole(world) == 0
    async with world.app() as app:
        await reproject(app)
    assert await walk_whole(world) == 0
    assert MARK not in everything(world)
    # The feed names it: whoever has a copy learns whose is to go.
    of_somebody = select(changes.c.operation).where(changes.c.record_id == somebody)
    with world.database() as connection:
        told = connection.execute(of_somebody.order_by(changes.c.sequence)).scalars().all()
    assert told[-1] == "erased"
    assert [each for each in counted(world) if each[1] != each[2]] == []


async def test_a_page_that_was_compared_before_is_compared_again(make_world: MakeWorld) -> None:
    world, somebody, _ = await mirror_somebody(make_world)
    company = company_of(world)
    company.update(EMPLOYEES, somebody, first_name=f"{MARK} Later")
    key = StreamKey(company.integration_id, EMPLOYEES)
    async with (
        world.app() as app,
        ready(app) as (context, integrations),
        leased_run(context, integrations, key) as run,
    ):
        walk = next_walk(
            run.before,
            run.source.spec,
            mode=Mode.RESTART,
            filters={},
            overlap=timedelta(0),
            full_every=timedelta(days=7),
            now=run.began_at,
            new_id="walk",
            stale_before=None,
        )
        page = await run.source.page(walk, None, Purpose.FULL)
        diff = await run.read(lambda connection: compare_page(run, page, connection))
        assert somebody in {row.id for row in diff.rows}
        # By another process.
        await erased_now(world, Wanted(EMPLOYEES, id=somebody))
        await run.write(lambda connection: store_page(run, walk, page, diff, connection))
        # It knows of it now.
        assert context.erasures.newest.erased
    assert somebody not in world.rows(EMPLOYEES, company.integration_id)
    assert MARK not in everything(world)


async def test_an_erasure_that_is_undone_is_read_again_whole(make_world: MakeWorld) -> None:
    world, somebody, _ = await mirror_somebody(make_world)
    receipt = await erased_now(world, Wanted(EMPLOYEES, id=somebody))
    async with world.app() as app:
        undone = await undo(app, receipt.id)
        assert undone.state == "undone"
        with pytest.raises(UsageError, match="undone already"):
            await undo(app, receipt.id)
        with pytest.raises(UsageError, match="There is no receipt"):
            await undo(app, "another")
    await world.sync()
    world.mirror.assert_equals_source(world.environment, HRIS, with_copies=True)
    with world.database() as connection:
        assert connection.execute(select(erased)).all() == []


async def test_orders_that_name_a_candidate_by_the_tools_id_alone_are_erased_too(
    make_world: MakeWorld,
) -> None:
    world = make_world(records=150, sync={"models": [CANDIDATES, "assessment_orders"]})
    company = company_of(world)
    somebody, _ = add_somebody(company, CANDIDATES)
    remote_id = company.row(CANDIDATES, somebody)["remote_id"]
    order, *others = sorted(company.ids("assessment_orders"))

    def ordered(body: bytes) -> bytes:
        answer = json.loads(body)
        for record in answer["data"]["results"]:
            if record["id"] == order:
                record["candidate"] = {"remote_id": remote_id, "email": f"{MARK}@firm.example"}
        return json.dumps(answer).encode()

    world.environment.faults.add(Match(model="assessment_orders"), Mangled(ordered), times=None)
    await world.sync(mode=Mode.BACKFILL)
    assert MARK in everything(world)
    receipt = await erased_now(world, Wanted(CANDIDATES, id=somebody))
    assert receipt.erased["assessment_orders"] == 1
    assert await walk_whole(world) == 0
    assert sorted(world.rows("assessment_orders", company.integration_id)) == others
    assert MARK not in everything(world)


async def test_an_erasure_waits_for_pages_under_way_and_keeps_the_next_ones_waiting(
    postgres_url: str,
) -> None:
    world = World(standing_environment(records=60), Mirror(postgres_url), {"sync": {"models": [EMPLOYEES]}})
    await world.sync(mode=Mode.BACKFILL)
    somebody = company_of(world).ids(EMPLOYEES)[0]
    database = Database(postgres_url)
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'sync_projections'::regclass"

    def is_waiting() -> bool:
        with database.read(fresh=True) as connection:
            return bool(connection.exec_driver_sql(waiting).scalar_one())

    try:
        with database.begin() as page:
            share_projections(page)
            assert erasures_version(page) is None
            erasing = asyncio.create_task(erased_now(world, Wanted(EMPLOYEES, id=somebody)))
            await until_async(is_waiting, "an erasure that waits for the page")
            assert not erasing.done()
            # Until the page commits it is as it was.
            assert erasures_version(page) is None
        await erasing
        with database.begin() as page:
            share_projections(page)
            assert erasures_version(page) is not None
    finally:
        database.close()
