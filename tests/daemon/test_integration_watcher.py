"""The service in step with its integrations, also where the database is not there to tell which there are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from syncer.daemon.database_health import Availability
from syncer.daemon.integration_watcher import Following
from syncer.daemon.schedule import Schedule
from syncer.domain.catalogue.lookup import catalogue
from tests.daemon.conftest import MODELS, Mirror, Troubled, World, make_environment


# What the server has ended the driver cannot close.
@pytest.mark.filterwarnings("ignore:.*was deleted while still open:ResourceWarning")
async def test_a_database_that_is_away_from_the_start_is_no_end_and_is_made_up_for(
    troubled: Troubled,
) -> None:
    world, availability = World(make_environment(), Mirror(troubled.url)), Availability()
    async with world.app() as app, app.open() as (engine, asking):
        app.open_database()
        every = dict.fromkeys(catalogue(), timedelta(hours=1))
        schedule = Schedule(
            app.database,
            app.streams,
            every,
            clock=lambda: datetime.now(UTC),
            wake=lambda: None,
            availability=availability,
        )
        await schedule.catch_up()
        following = Following(app, engine, asking, schedule, [], availability)
        with troubled.outage():
            # It wants a permit to begin with.
            await following.follow()
            assert availability.error is not None
            await following.make_up()
            assert availability.error is not None
        await following.make_up()
    assert availability.error is None
    assert {model for _, model in world.mirror.streams()} == set(MODELS)
    # Once is enough.
    asked = len(world.environment.requests)
    await following.make_up()
    assert len(world.environment.requests) == asked
