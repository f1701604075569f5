"""A world for the tests of the use cases: a simulated Kombo, a real database, the real App between them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, select

from syncer.app import App
from syncer.config.settings import Settings
from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.state import Outcome
from syncer.domain.streams.stream import Mode, Stream
from syncer.operations.sync import sync
from syncer.simulator.clock import SimClock
from syncer.simulator.company.company import Company
from syncer.simulator.company.compare import comparable
from syncer.simulator.server.api import simulator_app
from syncer.simulator.server.environment import Environment
from syncer.simulator.server.limit import RateLimit
from syncer.store.schema.mirror_tables import MIRROR
from syncer.store.state.streams import StreamStore
from syncer.sync.context import Progress, Result

#: How much faster than it thinks the program waits.
FASTER = 100

#: A day far from today: nothing may depend on the local clock.
SOURCE_TIME = datetime(2031, 3, 9, 12, 0, tzinfo=UTC)


@dataclass
class World:
    """Source, mirror and the program between them.

    settings: changes to the defaults, as nested tables. waits: what the program asked to sleep, in seconds.
    clock_offset: by how much the database's clock is ahead.
    """

    environment: Environment
    clock: SimClock
    database_url: str
    settings: dict[str, Any] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)
    clock_offset: timedelta = timedelta(0)

    def app(self, **changes: Any) -> App:
        """A new program on the same database, as after a restart."""
        tables: dict[str, Any] = {
            "kombo": {"api_key": self.environment.api_key, "base_url": "http://kombo.test/v1"},
            "database": {"url": self.database_url},
            "integrations": [{"id": each} for each in self.environment.integrations],
        }
        for name, table in {**self.settings, **changes}.items():
            tables[name] = {**tables.get(name, {}), **table} if isinstance(table, dict) else table

        async def sleep(seconds: float) -> None:
            self.waits.append(seconds)
            await asyncio.sleep(seconds / FASTER)

        return App(
            Settings(**tables),
            transport=httpx.ASGITransport(app=simulator_app(self.environment)),
            sleep=sleep,
            clock_offset=self.clock_offset,
        )

    async def run(
        self,
        mode: Mode = Mode.SYNC,
        *,
        integrations: Iterable[str] = (),
        models: Iterable[str] = (),
        report: Callable[[Progress], None] = lambda _: None,
        **changes: Any,
    ) -> list[Result]:
        """One pass by a new program."""
        async with self.app(**changes) as app:
            return await sync(app, mode, integrations=list(integrations), models=list(models), report=report)

    async def sync(self, **arguments: Any) -> list[Result]:
        """One pass that must go well."""
        results = await self.run(**arguments)
        assert {each.outcome for each in results} <= {Outcome.COMPLETE, Outcome.SKIPPED}, [
            (each.key, each.outcome, each.error) for each in results if not each.outcome.is_well
        ]
        return results

    def rows(self, model: str, integration_id: str) -> dict[str, Any]:
        """The mirror's documents by id."""
        with self.database() as connection:
            return self._rows(connection, model, integration_id)

    @contextmanager
    def database(self) -> Iterator[Connection]:
        """A look into the mirror."""
        app = self.app()
        try:
            with app.database.read() as connection:
                yield connection
        finally:
            app.database.close()

    def _rows(self, connection: Connection, model: str, integration_id: str) -> dict[str, Any]:
        table = MIRROR[model]
        found = connection.execute(
            select(table.c.id, table.c.document).where(table.c.integration_id == integration_id)
        )
        return {row[0]: json.loads(row[1]) if isinstance(row[1], str) else row[1] for row in found}

    def source(self, model: str, company: Company) -> dict[str, Any]:
        """The source's records by id, as the list serves them now."""
        features = catalogue()[model].features
        rows = company.rows(model, include_deleted=features.include_deleted)
        return {row["id"]: json.loads(json.dumps(row)) for row in rows}

    def assert_equal(self, models: Iterable[str] | None = None) -> None:
        """The mirror holds exactly what the source holds."""
        with self.database() as connection:
            for integration_id, company in self.environment.companies.items():
                for model in models or catalogue():
                    mirrored, wanted = (
                        {key: comparable(model, row) for key, row in rows.items()}
                        for rows in (
                            self._rows(connection, model, integration_id),
                            self.source(model, company),
                        )
                    )
                    differing = {key for key in mirrored | wanted if mirrored.get(key) != wanted.get(key)}
                    assert not differing, f"{model} of {integration_id} differs in {sorted(differing)[:5]}"

    def streams(self) -> dict[StreamKey, Stream]:
        """The state of every stream."""
        with self.database() as connection:
            found = StreamStore().all(connection)
        return {each.key: each for each in found}


@pytest.fixture
def make_world(migrated_url: str) -> Callable[..., World]:
    """Builds a world on both databases: integrations, records in each, settings."""

    def make(*, integrations: int = 1, records: int = 600, seed: int = 7, **settings: Any) -> World:
        clock = SimClock.frozen(SOURCE_TIME)
        # The limit has tests of its own, with a clock that moves.
        environment = Environment.example(
            clock,
            seed=seed,
            integrations=integrations,
            records=records,
            limit=RateLimit(lambda: 0.0, limit=1_000_000),
        )
        return World(environment, clock, migrated_url, settings)

    return make


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """One integration with 600 records over all models."""
    return make_world()


@pytest.fixture
def make_native(migrated_url: str) -> Callable[..., World]:
    """Builds a world of companies that use these tools, with native lists of theirs to mirror."""

    def make(*lists: dict[str, Any], tools: Iterable[str] = (), records: int = 300, **settings: Any) -> World:
        clock = SimClock.frozen(SOURCE_TIME)
        environment = Environment(clock, limit=RateLimit(lambda: 0.0, limit=1_000_000))
        for tool in tools or dict.fromkeys(each["tool"].partition("/")[0] for each in lists):
            environment.add(Company(f"{tool}:8d1hpPsbjxUkoCoa1veLZGe5", clock, seed=7, records=records))
        return World(environment, clock, migrated_url, {"passthrough": list(lists), **settings})

    return make
