"""A running service finishes what a command has left to re-project: an erasure that was interrupted."""

from __future__ import annotations

import asyncio

from syncer.daemon.database_health import DatabaseHealth
from syncer.daemon.reprojection import finish_reprojection
from syncer.domain.streams.stream import Mode
from syncer.operations.erase import Wanted, erase, list_erasures
from tests.support.waiting import until_async
from tests.support.world import MakeWorld

EMPLOYEES = "hris_employees"


async def test_a_service_finishes_an_erasure_that_was_interrupted(make_world: MakeWorld) -> None:
    world = make_world(records=150, sync={"models": [EMPLOYEES]})
    await world.sync(mode=Mode.BACKFILL)
    (company,) = world.environment.companies.values()
    stopping = asyncio.Event()
    async with world.app() as service:
        await service.prepare()
        looking = asyncio.create_task(
            finish_reprojection(service.reprojection, stopping, DatabaseHealth(), look_every=0.05)
        )
        async with world.app() as app:
            app.stopping.set()
            receipt = await erase(app, Wanted(EMPLOYEES, id=company.ids(EMPLOYEES)[0]))
            assert receipt.state == "under way"

        def is_finished() -> bool:
            return [each.state for each in list_erasures(service)] == ["finished"]

        await until_async(is_finished, "the end of the erasure")
        stopping.set()
        await looking
