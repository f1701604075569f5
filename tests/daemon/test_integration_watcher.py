"""The service in step with its integrations, also where the database is not there to tell which there are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from syncer.daemon.database_health import DatabaseHealth
from syncer.daemon.integration_watcher import IntegrationWatcher
from syncer.daemon.schedule import Schedule
from syncer.domain.catalogue.lookup import catalogue
from tests.support.alone import alone
from tests.support.mirror import Mirror
from tests.support.outages import Troubled
from tests.support.source import MODELS, make_environment
from tests.support.workers import WorkersWorld


# What the server has ended the driver cannot close.
@pytest.mark.filterwarnings("ignore:.*was deleted while still open:ResourceWarning")
async def test_a_database_that_is_away_from_the_start_is_no_end_and_is_made_up_for(
    troubled: Troubled,
) -> None:
    world, health = WorkersWorld(make_environment(), Mirror(troubled.url)), DatabaseHealth()
    async with world.app() as app, alone(app).open() as (engine, asking):
        app.open_database()
        every = dict.fromkeys(catalogue(), timedelta(hours=1))
        schedule = Schedule(
            app.database,
            alone(app).streams,
            every,
            clock=lambda: datetime.now(UTC),
            wake=lambda: None,
            database_health=health,
        )
        await schedule.catch_up()
        watcher = IntegrationWatcher(alone(app), engine, asking, schedule, {}, health)
        with troubled.outage():
            # It wants a permit to begin with.
            await watcher.update()
            assert health.error is not None
            await watcher.retry()
            assert health.error is not None
        await watcher.retry()
    assert health.error is None
    assert {model for _, model in world.mirror.streams()} == set(MODELS)
    # Once is enough.
    asked = len(world.environment.requests)
    await watcher.retry()
    assert len(world.environment.requests) == asked
