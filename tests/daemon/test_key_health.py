"""A key that Kombo refuses: told once, kept for others, asked about every quarter of an hour."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from syncer.app import App
from syncer.daemon.database_health import DatabaseHealth
from syncer.daemon.key_health import KeyHealth, KeyWatcher
from syncer.domain.errors import KeyRefused, UsageError
from syncer.operations.key import check_key
from syncer.operations.status import status
from syncer.simulator.server.faults import Late, Match, server_error
from syncer.sync.context import SyncContext
from tests.support.alone import alone
from tests.support.waiting import PATIENCE
from tests.support.workers import WorkersWorld

MINUTE = timedelta(minutes=1)


@dataclass
class Watched:
    """A watcher with a clock that the test moves."""

    world: WorkersWorld
    app: App
    context: SyncContext
    now: datetime = datetime(2031, 3, 9, 12, tzinfo=UTC)
    health: KeyHealth = field(default_factory=KeyHealth)
    database_health: DatabaseHealth = field(default_factory=DatabaseHealth)

    def __post_init__(self) -> None:
        self.watcher = KeyWatcher(
            alone(self.app), self.context, self.health, self.database_health, clock=lambda: self.now
        )

    async def after(self, minutes: int) -> int:
        """Let so many minutes pass, with a look in each; gives the number of requests sent."""
        before = len(self.world.environment.requests)
        for _ in range(minutes):
            self.now += MINUTE
            await self.watcher.look()
        return len(self.world.environment.requests) - before


@pytest.fixture
async def watched(world: WorkersWorld) -> AsyncIterator[Watched]:
    """A watcher whose key has just been refused."""
    async with world.app() as app:
        app.open_database()
        async with alone(app).open() as (context, _):
            found = Watched(world, app, context)
            world.environment.api_key = "ks_dev_next"
            found.health.report_refusal(KeyRefused("Kombo answered HTTP 401."))
            await found.watcher.look()
            yield found


async def test_a_refused_key_is_asked_about_every_quarter_of_an_hour(watched: Watched) -> None:
    assert [await watched.after(14), await watched.after(1), await watched.after(45)] == [0, 1, 3]
    assert watched.health.error is not None


async def test_the_time_of_the_first_refusal_stays_and_is_told(watched: Watched) -> None:
    first = status(watched.app)["key"]
    assert first["error"] == "Kombo answered HTTP 401."
    await watched.after(15)
    assert status(watched.app)["key"]["refused_since"] == first["refused_since"]
    assert status(watched.app)["is_well"] is False


async def test_a_key_that_is_accepted_again_is_told_once(watched: Watched) -> None:
    called: list[str] = []
    watched.health.on_recovery(lambda: called.append("accepted"))
    watched.world.environment.api_key = alone(watched.app).api_key
    with capture_logs() as logged:
        assert await watched.after(60) == 1
    assert [each["event"] for each in logged] == ["key_accepted"]
    assert called == ["accepted"]
    assert status(watched.app)["key"] is None
    # The next refusal is a new one.
    watched.world.environment.api_key = "ks_dev_next"
    watched.health.report_refusal(KeyRefused())
    assert await watched.after(16) == 1


async def test_a_key_that_was_replaced_is_used_at_once(watched: Watched) -> None:
    keys = iter(["ks_dev_wrong", "ks_dev_wrong", "ks_dev_next"])
    alone(watched.app).read_key = lambda: next(keys)
    assert [await watched.after(1) for _ in range(4)] == [1, 0, 1, 0]
    assert (watched.health.error, alone(watched.app).api_key) == (None, "ks_dev_next")
    assert status(watched.app)["key"] is None


async def test_a_key_that_cannot_be_read_and_a_kombo_that_is_away_change_nothing(watched: Watched) -> None:
    def unreadable() -> str:
        raise UsageError("kombo.api_key_file cannot be read.")

    alone(watched.app).read_key = unreadable
    watched.world.environment.api_key = alone(watched.app).api_key
    watched.world.environment.faults.add(Match(), server_error(), 6)
    with capture_logs() as logged:
        await watched.after(15)
    assert [each["event"] for each in logged].count("key_not_read") == 1
    assert watched.health.error is not None
    await watched.after(15)
    assert watched.health.error is None


async def test_a_silent_kombo_does_not_keep_the_service_from_ending(watched: Watched) -> None:
    silence = watched.world.environment.faults.add(Match(), Late(3_600), None)
    watched.now += 15 * MINUTE
    watching = asyncio.create_task(watched.watcher.watch(watched.app.stopping, 60))
    await watched.world.until(lambda: silence.fired, "the request")
    watched.app.stopping.set()
    await asyncio.wait_for(watching, PATIENCE)


async def test_a_command_keeps_what_it_learns_of_the_key(watched: Watched) -> None:
    watched.world.environment.api_key = alone(watched.app).api_key
    assert await check_key(alone(watched.app), watched.context) is None
    assert status(watched.app)["key"] is None
    watched.world.environment.api_key = "ks_dev_next"
    with pytest.raises(KeyRefused):
        await check_key(alone(watched.app), watched.context)
    assert "HTTP 401" in status(watched.app)["key"]["error"]
