"""What the service costs while there is nothing to do: 12,000 streams, none of them due.

    python -m benchmarks.idle                             SQLite
    python -m benchmarks.idle --database postgresql       an embedded PostgreSQL

The service's own schedule and workers, with their looks and ticks, for a minute by this machine's clock. The
models tick once a minute instead of once in a quarter of an hour, and each tick finds all of its streams
resting, because they change seldom. Prints the share of a core that this process takes (not the server's, on
PostgreSQL), then the plans of the statements that look for what is due.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from typing import Any

from sqlalchemy import Connection, event, text, update

from benchmarks.servers import postgresql
from syncer.app import App
from syncer.config.settings import Settings
from syncer.daemon.database_health import DatabaseHealth
from syncer.daemon.integration_watcher import IntegrationWatcher
from syncer.daemon.pressure import LoadMonitor
from syncer.daemon.schedule import MAKE_UP_EVERY, Schedule
from syncer.daemon.service import WATCH_EVERY
from syncer.daemon.workers import Workers
from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.clocks import TOLERANCE
from syncer.domain.fingerprint import key_fingerprint
from syncer.domain.ratelimit.budget import Budget
from syncer.domain.scheduling.intervals import IntervalBounds, next_poll
from syncer.store.schema.mirror_tables import integrations, streams
from syncer.store.state.budget import change_budget
from tests.support.alone import alone

MODELS = 12
KEY = "bench"
EVERY = timedelta(minutes=1)
RESTING = timedelta(minutes=10)


def settings(url: str, number: int) -> Settings:
    """A service of so many integrations with twelve models each."""
    return Settings.model_validate(
        {
            "kombo": {"api_key": KEY, "base_url": "http://127.0.0.1:9/v1"},
            "database": {"url": url},
            "integrations": [{"id": each} for each in islice(resting(), number)],
            "sync": {"models": tuple(catalogue())[:MODELS], "every": EVERY},
        }
    )


def resting() -> Iterator[str]:
    """Integrations whose quiet streams have no turn while this measures."""
    now, bounds = time.time(), IntervalBounds(16 * 60.0, 32 * 60.0)
    for number in count():
        name = f"tool:{number}"
        if (
            next_poll(name, bounds, 1.0, bounds.longest, now - bounds.shortest)
            > now + RESTING.total_seconds()
        ):
            yield name


async def fill(app: App) -> int:
    """Streams that have been read, and a limit that cannot serve all of them each time."""
    app.open_database(may_create=True)
    keys = await alone(app).selection.select_streams()
    with app.database.begin() as connection:
        now = app.database.now(connection)
        connection.execute(update(integrations).values(checked_at=now, state="ready"))
        connection.execute(
            update(streams).values(
                state="complete",
                complete_at=now,
                watermark=now,
                last_full_walk_at=now,
                scheduled_at=now - EVERY,
                changes=0.0,
                watched=86_400.0,
                rows_live=200,
            )
        )
        known = Budget(limit=300, ends_at=now.timestamp(), confirmed=True)
        change_budget(connection, "default", key_fingerprint(KEY), timedelta(0), lambda *_: (known, None))
    return len(keys)


async def idle(app: App, seconds: float) -> tuple[float, float, int]:
    """Seconds of this process and of the clock, and the number of ticks."""
    ticks = 0

    class Counted(Schedule):
        async def tick(self, model: str, at: datetime, ahead: timedelta = TOLERANCE) -> list[datetime]:
            nonlocal ticks
            ticks += 1
            return await super().tick(model, at, ahead)

    async with alone(app).open() as (context, asking):
        health = DatabaseHealth()
        workers = Workers(
            context, asking, app.settings.sync.concurrency, app.stopping, database_health=health
        )
        schedule = Counted(
            app.database,
            alone(app).streams,
            {name: app.settings.sync.for_model(name).every for name in catalogue()},
            clock=lambda: datetime.now(UTC),
            wake=workers.wake,
            database_health=health,
            monitor=LoadMonitor(alone(app).capacity, app.database),
        )
        known = await app.database.ask(alone(app).streams.lists)
        watcher = IntegrationWatcher(alone(app), context, asking, schedule, known, health)
        watcher._key_is_checked = True
        running = asyncio.gather(
            schedule.run(
                app.stopping,
                integrations=(WATCH_EVERY, watcher.update),
                missed_integrations=(MAKE_UP_EVERY, watcher.retry),
            ),
            workers.run(),
        )
        # Its start is not what is measured.
        await asyncio.sleep(5)
        ticks, used, began = 0, time.process_time(), time.monotonic()
        await asyncio.sleep(seconds)
        spent = time.process_time() - used, time.monotonic() - began, ticks
        app.stopping.set()
        await running
    return spent


@contextmanager
def spoken(app: App) -> Iterator[dict[str, Any]]:
    """The statements that are sent meanwhile, with their parameters."""
    said: dict[str, Any] = {}

    def keep(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        said[statement] = parameters

    event.listen(app.database.engine, "before_cursor_execute", keep)
    yield said
    event.remove(app.database.engine, "before_cursor_execute", keep)


def plans(app: App) -> Iterator[str]:
    """How the database finds what is due."""

    def look(connection: Connection) -> None:
        now = app.database.now(connection)
        alone(app).streams.due(connection, now, lambda _: False, 500)
        alone(app).streams.next_due(connection, now)
        alone(app).streams.waiting(connection, now - RESTING)
        alone(app).streams.scheduled(connection, "hris_groups")

    with app.database.begin() as connection:
        connection.execute(text("ANALYZE sync_streams"))
    with app.database.read() as connection, spoken(app) as said:
        look(connection)
    explain = "EXPLAIN QUERY PLAN " if app.database.is_sqlite else "EXPLAIN (COSTS OFF) "
    with app.database.read() as connection:
        for statement, parameters in said.items():
            if "sync_streams" in statement:
                yield f"-- {' '.join(statement.split())[-150:]}"
                found = connection.exec_driver_sql(explain + statement, _given(parameters))
                yield from (f"   {row[-1]}" for row in found)


def _given(parameters: Any) -> Any:
    return dict(parameters) if isinstance(parameters, Mapping) else tuple(parameters)


async def measure(name: str, url: str, number: int, seconds: float) -> None:
    """Print what it takes on one database."""
    async with App(settings(url, number)) as app:
        filled = await fill(app)
        used, passed, ticks = await idle(app, seconds)
        print(f"{name}: {filled:,} streams, {ticks} ticks in {passed:.0f} s: {used / passed:.2%} of a core")
        print("\n".join(plans(app)))


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--integrations", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    given = parser.parse_args()
    if given.database == "sqlite":
        with tempfile.TemporaryDirectory() as directory:
            url = f"sqlite:///{directory}/idle.db"
            asyncio.run(measure("SQLite", url, given.integrations, given.seconds))
        return
    with postgresql() as url:
        asyncio.run(measure("PostgreSQL", url, given.integrations, given.seconds))


if __name__ == "__main__":
    main()
