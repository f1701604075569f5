"""Bookkeeping of very many streams: what is asked of it again and again, and what that takes."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, bindparam, func, select, text, update

from benchmarks import many_streams
from benchmarks.many_streams import read_a_minute_ago
from benchmarks.scale.measuring import Took, print_table, shown_bytes, shown_seconds, taking
from benchmarks.servers import postgresql
from syncer.app import App
from syncer.config.settings import Settings
from syncer.daemon.schedule import Schedule
from syncer.daemon.workers import CANDIDATES
from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.state import Outcome, StreamState
from syncer.operations.numbers import read_numbers
from syncer.store.schema.mirror_tables import streams
from tests.support.alone import alone

KEY = "bench"
#: Streams that are claimed and released, one after the other.
CLAIMED = 500
_INTEGRATIONS = text("""
    INSERT INTO sync_integrations
        (environment, id, origin, state, tool, status, checked_at)
    WITH RECURSIVE number(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n + 1 < :integrations)
    SELECT 'default', 'tool:' || n, 'command', 'ready', 'Tool', 'ACTIVE', :now FROM number
""").bindparams(bindparam("now", type_=streams.c.due_at.type))
_STREAMS = """
    INSERT INTO sync_streams (environment, integration_id, model, state)
    SELECT 'default', i.id, m.name, 'new' FROM sync_integrations i CROSS JOIN ({models}) m
"""


def settings(url: str) -> Settings:
    """Give the settings of a service whose integrations commands have added."""
    return Settings.model_validate(
        {
            "kombo": {"api_key": KEY, "base_url": "http://127.0.0.1:9/v1"},
            "database": {"url": url},
            "web": {"enabled": False},
        }
    )


def fill(app: App, number: int) -> int:
    """Make so many integrations with all models each, by statements of SQL; give the number of streams."""
    app.open_database(may_create=True)
    models = " UNION ALL ".join(f"SELECT '{name}' AS name" for name in catalogue())
    with app.database.begin() as connection:
        now = app.database.now(connection)
        connection.execute(_INTEGRATIONS, {"integrations": number, "now": now})
        connection.execute(text(_STREAMS.format(models=models)))
        read_a_minute_ago(connection, now)
        found: int = connection.execute(select(func.count()).select_from(streams)).scalar_one()
    tidy(app)
    return found


def tidy(app: App) -> None:
    """Leave the tables as they are between ticks: with statistics, and without dead rows."""
    with app.database.outside_transactions() as connection:
        connection.execute(text("ANALYZE" if app.database.is_sqlite else "VACUUM ANALYZE"))


class Bookkeeping:
    """Questions and changes of the bookkeeping, each by the program's own code."""

    def __init__(self, app: App, integrations: int) -> None:
        self.app = app
        self.claimed = min(CLAIMED, integrations)
        self.environment = alone(app)
        self.model = next(iter(catalogue()))
        self.schedule = Schedule(
            app.database,
            self.environment.streams,
            {self.model: timedelta(minutes=15)},
            clock=lambda: datetime.now(UTC),
            wake=lambda: None,
        )

    def works(self) -> Iterator[tuple[str, Callable[[], Awaitable[object]]]]:
        """Name what is measured, in this order."""
        later = datetime.now(UTC) + timedelta(minutes=20)
        ask = self.app.database.ask
        yield "start: bring the streams in step", partial(asyncio.to_thread, self.app.open_database)
        yield "every minute: compare streams and integrations", self._in_step
        yield "every five minutes: what the schedule needs", lambda: ask(self.environment.capacity.demand)
        yield (
            "a model's tick that finds nothing due",
            partial(self.schedule.tick, self.model, datetime.now(UTC)),
        )
        yield "look for due streams, none due", self._due
        yield "a model's tick that finds all its streams due", partial(self.schedule.tick, self.model, later)
        yield "look for due streams, those of a model due", self._due
        yield f"claim, renew and release {self.claimed} streams", self._claim
        yield "make all streams due", self._all_due
        yield "look for due streams, all due", self._due
        yield "every minute: how far the schedule is behind", self._backlog
        yield "`/metrics`: read the numbers", partial(asyncio.to_thread, read_numbers, self.app)
        yield "`mirror_freshness`: oldest by environment", partial(self._freshness, "")
        yield (
            "`mirror_freshness`: one integration",
            partial(self._freshness, "WHERE integration_id = 'tool:7'"),
        )

    async def _in_step(self) -> None:
        selection = self.environment.selection
        await selection.keep_in_step(leave=await selection.unasked())

    async def _due(self) -> None:
        def due(connection: Connection) -> None:
            now = self.app.database.now(connection)
            self.environment.streams.due(connection, now, lambda _: False, CANDIDATES)
            self.environment.streams.next_due(connection, now)

        await self.app.database.ask(due)

    async def _claim(self) -> None:
        store, length = self.environment.streams, timedelta(minutes=2)

        def claim(key: StreamKey, connection: Connection) -> None:
            now = self.app.database.now(connection)
            lease = store.claim(
                connection, key, owner=self.app.owner, now=now, length=length, is_dead=lambda _: False
            )
            assert lease is not None
            store.renew(connection, lease, now, length)
            store.release(
                connection,
                lease,
                state=StreamState.COMPLETE,
                outcome=Outcome.COMPLETE,
                error=None,
                failures=0,
                now=now,
                due_at=None,
            )

        for number in range(self.claimed):
            await self.app.database.write(partial(claim, StreamKey(f"tool:{number}", self.model)))

    async def _all_due(self) -> None:
        def mark(connection: Connection) -> None:
            now = self.app.database.now(connection)
            connection.execute(update(streams).values(due_at=now - timedelta(hours=1), due_purpose=2))

        await self.app.database.write(mark)
        await asyncio.to_thread(tidy, self.app)

    async def _backlog(self) -> None:
        await self.app.database.ask(lambda connection: self.environment.capacity.backlog(connection, 0.0))

    async def _freshness(self, where: str) -> None:
        columns = "environment, count(*), max(lag_seconds)"
        statement = text(f"SELECT {columns} FROM mirror_freshness {where} GROUP BY environment")
        await self.app.database.ask(lambda connection: connection.execute(statement).all())


async def measure(url: str, integrations: int) -> tuple[int, dict[str, Took]]:
    """Measure everything on one database; give the number of its streams, and what each work took."""
    async with App(settings(url)) as app:
        number = await asyncio.to_thread(fill, app, integrations)
        took = {}
        for name, work in Bookkeeping(app, integrations).works():
            with taking(app.database) as took[name]:
                await work()
    return number, took


def measure_commands(directory: Path, url: str) -> Iterator[tuple[str, Took]]:
    """Time the commands that people type, each in a process of its own."""
    file = directory / "config.toml"
    file.write_text(f'[kombo]\napi_key = "{KEY}"\n[database]\nurl = "{url}"\n', encoding="utf-8")
    file.chmod(0o600)
    for name, seconds, _ in many_streams.measure_commands(directory, 1, ("status", "plan")):
        yield f"`{name}`", Took(seconds)


def report(integrations: int, databases: Sequence[str]) -> None:
    """Measure the databases one after the other, and print a table for each."""
    for database in databases:
        with ExitStack() as stack:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            is_sqlite = database == "sqlite"
            url = f"sqlite:///{directory}/many.db" if is_sqlite else stack.enter_context(postgresql())
            number, took = asyncio.run(measure(url, integrations))
            took.update(measure_commands(directory, url))
        print_table(
            f"{'SQLite' if is_sqlite else 'PostgreSQL'}, {number:,} streams of {integrations:,} integrations",
            ["work", "time", "statements", "WAL"],
            [
                [name, shown_seconds(each.seconds), f"{each.statements or ''}", shown_bytes(each.wal)]
                for name, each in took.items()
            ],
        )
