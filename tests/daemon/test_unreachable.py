"""The service while Kombo is not reached: told once, probed by one run at a time, then all goes on."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import httpx
import pytest
from structlog.testing import capture_logs

from syncer.domain.streams.state import Outcome
from syncer.simulator.server.api import simulator_app
from tests.support.line import Line
from tests.support.mirror import Mirror
from tests.support.source import make_environment
from tests.support.workers import WorkersWorld
from tests.support.world import FASTER, Wiring


@dataclass
class CutWorld(WorkersWorld):
    """A world whose line to the source can be cut, and where pauses are short."""

    line: Line = field(default_factory=lambda: Line(httpx.AsyncHTTPTransport()))

    def wiring(self) -> Wiring:
        self.line.beyond = httpx.ASGITransport(app=simulator_app(self.environment))
        return {
            **super().wiring(),
            "transport": self.line,
            "monotonic": lambda: time.monotonic() * FASTER,
        }


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
async def test_an_outage_is_logged_once_probed_by_single_runs_and_over_by_itself(migrated_url: str) -> None:
    world = CutWorld(make_environment(integrations=4), Mirror(migrated_url))
    with capture_logs() as logs:
        async with world.working(poll_every=0.02, concurrency=4) as work:
            await world.until(lambda: len(world.ended()) == len(work.keys), "all streams")
            world.line.is_cut = True
            world.mark(*work.keys)
            work.workers.wake()
            told = "kombo_unreachable"
            await world.until(lambda: any(each["event"] == told for each in logs), "the outage")
            tried = world.line.tried
            await world.until(lambda: world.line.tried >= tried + 3, "three probes")
            failed = [key for key, outcome in world.ended() if outcome == Outcome.FAILED]
            # Those under way when it began, and the probes: not every stream again and again.
            assert len(failed) <= 4 + world.line.tried - tried + 1
            world.line.is_cut = False
            world.mark(*work.keys)
            await world.until(
                lambda: {each.state for each in world.streams().values()} == {"complete"}, "the end of it"
            )
    words = [each["event"] for each in logs]
    assert (words.count(told), words.count("kombo_back")) == (1, 1)
