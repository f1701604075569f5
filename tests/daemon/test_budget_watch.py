"""The budget's last hour, as the service collects it."""

from __future__ import annotations

import asyncio

from syncer.daemon.budget_watch import watch_budget
from syncer.domain.ratelimit.history import BudgetHistory
from syncer.domain.streams.stream import Mode
from syncer.operations.sync import sync
from tests.support.waiting import until_async
from tests.support.workers import WorkersWorld


async def test_requests_show_in_the_minute_in_which_they_were_sent(world: WorkersWorld) -> None:
    history, stopping = BudgetHistory(), asyncio.Event()
    async with world.app() as app:
        app.open_database()
        watching = asyncio.create_task(
            watch_budget(app.environments["default"], history, stopping, sample_every=0.01)
        )
        await until_async(lambda: not history.is_empty, "a sample before the first request")

        def highest() -> float:
            with app.database.read() as connection:
                now = app.database.now(connection).timestamp()
            return max(slot.share or 0.0 for slot in history.slots(now))

        assert highest() == 0
        await sync(app, Mode.SYNC)
        await until_async(highest, "a sample with requests")
        stopping.set()
        await watching
