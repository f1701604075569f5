"""Source, mirror and the real program between them, all in the test's own process.

Plugin of pytest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar, Protocol, TypedDict

import httpx
import pytest
from sqlalchemy import Connection

from syncer.app import App
from syncer.config.settings import Settings
from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.state import Outcome
from syncer.domain.streams.stream import Mode, Stream
from syncer.operations.sync import sync
from syncer.simulator.clock import SimClock
from syncer.simulator.company.company import Company
from syncer.simulator.server.api import simulator_app
from syncer.simulator.server.environment import Environment
from syncer.sync.context import Progress, Result
from tests.support.mirror import Mirror, Record
from tests.support.source import SOURCE_TIME, listed, standing_environment, unlimited

#: How much faster than it thinks the program waits.
FASTER = 100

#: Settings as nested tables.
Tables = dict[str, Any]


class Wiring(TypedDict, total=False):
    """What stands in for the network, waiting, elapsed time, chance and the database's clock."""

    transport: httpx.AsyncBaseTransport | None
    sleep: Callable[[float], Awaitable[None]]
    monotonic: Callable[[], float]
    uniform: Callable[[], float]
    clock_offset: timedelta


@dataclass
class World:
    """Source, mirror and the program between them.

    settings: changes to the defaults, as nested tables. waits: what the program asked to sleep, in seconds.
    clock_offset: by how much the database's clock is ahead.
    """

    environment: Environment
    mirror: Mirror
    settings: Tables = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)
    clock_offset: timedelta = timedelta(0)

    #: What the program is set to besides what every world needs.
    defaults: ClassVar[Tables] = {}

    @property
    def clock(self) -> SimClock:
        """The source's clock."""
        return self.environment.clock

    @property
    def database_url(self) -> str:
        return self.mirror.database_url

    def wiring(self) -> Wiring:
        """Give a new program its surroundings: the simulator without a network, and haste."""

        async def sleep(seconds: float) -> None:
            self.waits.append(seconds)
            await asyncio.sleep(seconds / FASTER)

        return Wiring(
            transport=httpx.ASGITransport(app=simulator_app(self.environment)),
            sleep=sleep,
            clock_offset=self.clock_offset,
        )

    def app(self, **changes: Any) -> App:
        """Make a new program on the same database, as after a restart. changes: to the settings."""
        tables: Tables = {
            "kombo": {"api_key": self.environment.api_key, "base_url": "http://kombo.test/v1"},
            "database": {"url": self.database_url},
            "integrations": [{"id": each} for each in self.environment.integrations],
            **self.defaults,
        }
        for name, table in {**self.settings, **changes}.items():
            tables[name] = {**tables.get(name, {}), **table} if isinstance(table, dict) else table
        return App(Settings(**tables), **self.wiring())

    async def run(
        self,
        mode: Mode = Mode.SYNC,
        *,
        integrations: Iterable[str] = (),
        models: Iterable[str] = (),
        report: Callable[[Progress], None] = lambda _: None,
        **changes: Any,
    ) -> list[Result]:
        """Do one pass by a new program."""
        async with self.app(**changes) as app:
            return await sync(app, mode, integrations=list(integrations), models=list(models), report=report)

    async def sync(self, *, may_quarantine: bool = False, **arguments: Any) -> list[Result]:
        """Do one pass that must go well; may_quarantine: but for records in quarantine."""
        results = await self.run(**arguments)
        well = {Outcome.COMPLETE, Outcome.SKIPPED, *([Outcome.INCOMPLETE] if may_quarantine else [])}
        assert {each.outcome for each in results} <= well, [
            (each.key, each.outcome, each.error) for each in results if not each.outcome.is_well
        ]
        return results

    def database(self) -> AbstractContextManager[Connection]:
        """Open a transaction to look into the mirror."""
        return self.mirror.read()

    def rows(self, model: str, integration_id: str) -> dict[str, Record]:
        """Read the mirror's documents by id."""
        return self.mirror.documents(model, integration_id)

    def source(self, model: str, company: Company) -> dict[str, Record]:
        """Give the source's records by id, as the list serves them now."""
        return listed(company, model)

    def assert_equal(self, models: Iterable[str] | None = None) -> None:
        """Fail unless the mirror holds exactly what the source holds, in all models where none are named."""
        self.mirror.assert_equals_source(self.environment, models or catalogue())

    def streams(self) -> dict[StreamKey, Stream]:
        """Read the state of every stream."""
        return self.mirror.streams()


class MakeWorld(Protocol):
    """Makes a world of so many integrations with so many records each; settings: as nested tables."""

    def __call__(
        self, *, integrations: int = 1, records: int = 600, seed: int = 7, **settings: Any
    ) -> World: ...


class MakeNative(Protocol):
    """Makes a world of companies that use these tools, with native lists of theirs to mirror."""

    def __call__(
        self, *lists: Tables, tools: Iterable[str] = (), records: int = 300, **settings: Any
    ) -> World: ...


@pytest.fixture
def make_world(migrated_url: str) -> MakeWorld:
    """Makes worlds on both databases."""

    def make(*, integrations: int = 1, records: int = 600, seed: int = 7, **settings: Any) -> World:
        environment = standing_environment(integrations=integrations, records=records, seed=seed)
        return World(environment, Mirror(migrated_url), settings)

    return make


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """One integration with 600 records over all models."""
    return make_world()


@pytest.fixture
def make_native(migrated_url: str) -> MakeNative:
    """Makes worlds with native lists on both databases."""

    def make(*lists: Tables, tools: Iterable[str] = (), records: int = 300, **settings: Any) -> World:
        clock = SimClock.frozen(SOURCE_TIME)
        environment = Environment(clock, limit=unlimited())
        for tool in tools or dict.fromkeys(each["tool"].partition("/")[0] for each in lists):
            environment.add(Company(f"{tool}:8d1hpPsbjxUkoCoa1veLZGe5", clock, seed=7, records=records))
        return World(environment, Mirror(migrated_url), {"passthrough": list(lists), **settings})

    return make


def company_of(world: World) -> Company:
    """The company of a world that has only one."""
    return next(iter(world.environment.companies.values()))
