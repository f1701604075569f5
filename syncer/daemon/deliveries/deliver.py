"""Deliver changes to all receivers, side by side."""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack
from uuid import uuid4

from syncer.app import App
from syncer.daemon.database_health import DatabaseHealth
from syncer.daemon.deliveries.loop import DeliveryLoop, FeedNews, Surroundings
from syncer.daemon.supervisor import supervise
from syncer.daemon.waiting import any_of
from syncer.process.identity import is_dead


async def deliver_changes(
    app: App,
    news: FeedNews,
    stopping: asyncio.Event,
    database_health: DatabaseHealth,
) -> None:
    """Run the loops of all deliveries until stopping is set. Raises UsageError."""
    around = Surroundings(
        app.database,
        news,
        database_health,
        app.owner,
        is_dead,
        new_id=lambda: uuid4().hex,
        uniform=random.random,
    )
    async with AsyncExitStack() as stack:
        loops = [
            DeliveryLoop(each, await stack.enter_async_context(await app.receiver(each.url)), around)
            for each in app.settings.delivered
        ]
        await supervise(stopping, any_of(stopping), *(loop.run(stopping) for loop in loops))
