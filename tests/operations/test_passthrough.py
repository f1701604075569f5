"""Calls of a tool's own API by the program as a whole, under the budget that all requests share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from syncer.domain.errors import UsageError
from syncer.domain.native.call import Call
from syncer.operations.passthrough import passthrough
from syncer.simulator.company.company import Company
from syncer.simulator.server.faults import Late, Match
from syncer.simulator.server.limit import RateLimit
from tests.support.alone import alone
from tests.support.databases import ON_SQLITE
from tests.support.waiting import PATIENCE

if TYPE_CHECKING:
    from tests.support.world import World

EMPLOYEES = Call("personio/personnel", "GET", "/company/employees")
DELETE = Call("personio/personnel", "DELETE", "/company/employees/1")
HISTORY = Call("hibob/v1", "GET", "/bulk/people/work")


class Waits(list[float]):
    """What the program asked to sleep; begun: it has."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = asyncio.Event()

    def append(self, seconds: float) -> None:
        super().append(seconds)
        self.begun.set()


@ON_SQLITE
async def test_the_integration_need_not_be_mirrored(world: World) -> None:
    async with world.app() as app:
        world.environment.add(Company("hibob:x", world.clock, records=200))
        answer = await passthrough(app, HISTORY, "hibob:x")
        assert answer.data["results"]
        assert list(alone(app).selection.mirrored()) == []


@ON_SQLITE
async def test_a_call_is_checked_before_anything_is_asked(world: World) -> None:
    async with world.app() as app:
        with pytest.raises(UsageError, match="There is no known API"):
            await passthrough(app, Call("hibob/v9", "GET", "/"), "hibob:x")
    assert list(world.environment.requests) == []


async def test_a_write_may_use_the_reserve_and_a_read_waits_for_the_next_window(
    make_world: Callable[..., World],
) -> None:
    world = make_world(budget={"reserve": 4})
    world.environment.limit = RateLimit(lambda: 0.0, limit=10)
    world.waits = waits = Waits()
    [integration] = world.environment.integrations
    async with world.app() as app:
        for _ in range(6):
            await passthrough(app, EMPLOYEES, integration)
        assert world.waits == []
        for _ in range(3):
            assert (await passthrough(app, DELETE, integration)).status == 404
        assert world.waits == []
        reading = asyncio.create_task(passthrough(app, EMPLOYEES, integration))
        await asyncio.wait_for(waits.begun.wait(), PATIENCE)
        # The reserve's last place is still there, and the one who waits does not keep it from a write.
        assert (await passthrough(app, DELETE, integration)).status == 404
        reading.cancel()
    assert [each.call for each in world.environment.requests] == [
        *["GET /company/employees"] * 6,
        *["DELETE /company/employees/1"] * 4,
    ]


async def test_calls_that_the_tool_does_not_bear_at_once_are_all_done_in_the_end(world: World) -> None:
    [(id, integration)] = world.environment.integrations.items()
    integration.concurrency_limit = 1
    most = 0

    async def sleep(_: float) -> None:
        nonlocal most
        most = max(most, integration.under_way)
        await asyncio.sleep(0)

    world.environment.sleep = sleep
    world.environment.faults.add(Match(call="*"), Late(1), times=None)
    async with world.app() as app:
        answers = await asyncio.gather(*(passthrough(app, DELETE, id) for _ in range(4)))
    assert [each.status for each in answers] == [404] * 4
    assert most == 1
