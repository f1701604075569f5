"""deploy/prometheus: each alert fires for a service that is in its trouble, and none for one that is well.

The troubles are real: a service on the simulator meets one after the other, and is scraped before and after
the time that passes by the database's clock. promtool evaluates the rules on what was scraped.
"""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from operator import le, lt
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text, update

from syncer.app import App
from syncer.daemon.service import run_service
from syncer.daemon.web import shared_query
from syncer.daemon.workers import Workers
from syncer.domain.deliveries import attempts
from syncer.domain.streams import stall
from syncer.domain.streams.stream import Mode
from syncer.domain.webhooks.signature import SIGNATURE_HEADER
from syncer.operations.sync import sync
from syncer.simulator.server.faults import (
    Late,
    Match,
    Reply,
    not_ready,
    rate_limited,
    rewritten,
    server_error,
)
from syncer.simulator.server.limit import RateLimit
from syncer.store.db import engines
from syncer.store.reading.changes import feed_state
from syncer.store.schema.migrate import VERSION_TABLE, revisions
from syncer.store.schema.mirror_tables import streams
from syncer.store.state.consumers import acknowledge
from tests.support import promtool
from tests.support.feed_rows import tell_changes
from tests.support.outages import locked
from tests.support.promtool import Scrape, firing
from tests.support.receivers import SECRET, Receiver
from tests.support.records import NOW
from tests.support.waiting import until_async
from tests.support.webhooks import PATH
from tests.support.webhooks import SECRET as WEBHOOK_SECRET
from tests.support.workers import MakeWorkersWorld, WorkersWorld

RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "alerts.yaml"
MODELS = ("hris_groups", "hris_locations")
GROUPS, LOCATIONS = MODELS
KEYWORDS = Workers.__init__.__kwdefaults__ or {}
ALERTS = re.findall(r"- alert: (\w+)", RULES.read_text(encoding="utf-8"))

pytestmark = pytest.mark.tool("promtool")
#: What is exposed is the same of both databases.
ON_SQLITE = pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)


@dataclass
class Watched:
    """A service that is scraped."""

    world: WorkersWorld
    app: App
    client: httpx.AsyncClient
    running: asyncio.Task[None]
    receiver: Receiver
    outage: ExitStack

    async def scrape(self) -> Scrape:
        """Scrape it as Prometheus does."""
        try:
            answer = await self.client.get("/metrics")
        except httpx.ConnectError:
            answer = None
        with self.app.database.read() as connection:
            at = self.app.database.now(connection).timestamp()
        return Scrape(None if answer is None else answer.raise_for_status().text, at)

    async def shows(self, name: str, expected: float | Callable[[float], bool], **labels: str) -> None:
        """Scrape until a metric with these labels has the value, or one of which that is true, in all."""
        found: list[float] = []
        for _ in range(600):
            found = [
                number
                for (metric, its), number in (await self.scrape()).samples().items()
                if metric == name and labels.items() <= dict(its).items()
            ]
            if found and (expected(sum(found)) if callable(expected) else sum(found) == expected):
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"{name}{labels} never was {expected}: {found}")

    def pass_time(self, minutes: float) -> None:
        self.app.database.clock_offset += timedelta(minutes=minutes)

    def mark_due(self, *models: str) -> None:
        """Have the streams of these lists read soon."""
        self.world.mark(*(key for key in self.world.streams() if key.model in models))

    async def read(self, *models: str) -> None:
        """Have these lists, if there are any, read to their end."""
        if models:
            now = (await self.scrape()).at
            self.mark_due(*models)
            await self.shows("syncer_last_success_timestamp_seconds", lambda moment: moment > now)
            for each in models:
                await self.shows("syncer_lag_seconds", lambda age: age < 60, model=each)


Step = Callable[[Watched], Awaitable[None]]


async def nothing(watched: Watched) -> None:
    """Leave it as it is."""


@dataclass(frozen=True)
class Episode:
    """A trouble that lasts, or goes on, for so many minutes, and the alerts that it is to fire, no others.

    before, within: what brings it about before or after they pass; over: what ends it. reads: lists that are
    read nevertheless. passes: by the database's clock, too.
    """

    alerts: tuple[str, ...]
    minutes: int
    before: Step = nothing
    within: Step = nothing
    over: Step = nothing
    reads: tuple[str, ...] = MODELS
    passes: bool = True

    async def check(self, watched: Watched, directory: Path) -> None:
        await self.before(watched)
        first = await watched.scrape()
        if self.passes:
            watched.pass_time(self.minutes)
        await watched.read(*self.reads)
        await self.within(watched)
        second = await watched.scrape()
        assert promtool.check(directory, RULES, first, second, self.minutes, firing(self.alerts)) == ""
        await self.over(watched)


# -- troubles, as functions that bring them about and end them -----------------------------------------------


async def forge_webhooks(watched: Watched) -> None:
    for _ in range(24):
        answer = await watched.client.post(PATH, content=b"{}", headers={SIGNATURE_HEADER: "no"})
        assert answer.status_code == 401


async def begin_to_consume(watched: Watched) -> None:
    with watched.app.database.begin() as connection:
        acknowledge(connection, "slow", 0, NOW)


async def tell_many_changes(watched: Watched) -> None:
    with watched.app.database.begin() as connection:
        tell_changes(connection, map(str, range(3000)))
    await watched.shows("syncer_consumer_lag", partial(le, 3000), consumer="slow")


async def consume_all(watched: Watched) -> None:
    with watched.app.database.begin() as connection:
        acknowledge(connection, "slow", feed_state(connection).newest, NOW)


async def refuse_requests(watched: Watched) -> None:
    watched.world.environment.faults.add(Match(), rate_limited(reset=1), times=12)
    watched.mark_due(*MODELS)
    for number in range(12):
        await watched.shows("syncer_refused_total", partial(lt, number))
        # The window that an answer tells of is over.
        watched.pass_time(2 / 60)
    await watched.read(*MODELS)


async def spoil_records(watched: Watched) -> None:
    def without_id(data: Any) -> Any:
        del data["data"]["results"][0]["id"]
        return data

    watched.world.environment.faults.add(Match(model=GROUPS), rewritten(without_id), times=None)
    with watched.app.database.begin() as connection:
        connection.execute(update(streams).values(last_full_walk_at=None, watermark=None))
    watched.mark_due(GROUPS)
    await watched.shows("syncer_quarantined", 2)


async def refuse_changes(watched: Watched) -> None:
    watched.receiver.answer(500)
    with watched.app.database.begin() as connection:
        tell_changes(connection, ["a"], model=GROUPS)
    await watched.shows("syncer_delivery_stuck", 1, delivery="billing")


async def accept_changes(watched: Watched) -> None:
    watched.receiver.answer(204)
    await watched.shows("syncer_delivery_stuck", 0, delivery="billing")


async def spend_all(watched: Watched) -> None:
    limit = watched.world.environment.limit
    limit.spend(limit.limit - limit.used - 50)
    watched.mark_due(GROUPS)
    await watched.shows("syncer_budget_used", partial(lt, 95_000))


async def spend_no_more(watched: Watched) -> None:
    watched.world.environment.limit = RateLimit(time.monotonic, limit=100_000)
    watched.pass_time(1.5)
    await watched.read(*MODELS)


async def hang_elsewhere(watched: Watched) -> None:
    """Have another process hold streams and get on with nothing; it renews its leases."""
    with watched.app.database.begin() as connection:
        until = watched.app.database.now(connection) + timedelta(minutes=50)
        hung = update(streams).where(streams.c.model == LOCATIONS)
        connection.execute(hung.values(lease_owner="elsewhere/1", lease_until=until))
    watched.mark_due(LOCATIONS)


def failing(answer: Reply, state: str) -> Step:
    async def fail(watched: Watched) -> None:
        watched.world.environment.faults.add(Match(model=GROUPS), answer, times=None)
        watched.mark_due(GROUPS)
        await watched.shows("syncer_streams", 2, state=state)

    return fail


async def recover(watched: Watched) -> None:
    watched.world.environment.faults.clear()
    watched.pass_time(60)
    await watched.read(*MODELS)
    await watched.shows("syncer_streams", 4, state="complete")


async def lose_rows(watched: Watched) -> None:
    company = next(iter(watched.world.environment.companies.values()))
    for each in company.ids(GROUPS)[:4]:
        company.vanish(GROUPS, each)
    with watched.app.database.begin() as connection:
        connection.execute(update(streams).values(last_full_walk_at=None))
    watched.mark_due(GROUPS)
    await watched.shows("syncer_held", partial(lt, 0))


async def approve(watched: Watched) -> None:
    async with watched.world.app() as app:
        app.database.clock_offset = watched.app.database.clock_offset
        await sync(app, Mode.APPROVE, models=[GROUPS])
    await watched.shows("syncer_held", 0)


async def take_no_writes(watched: Watched) -> None:
    watched.mark_due(LOCATIONS)
    watched.outage.enter_context(locked(watched.world.database_url))
    await watched.shows("syncer_database_up", 0)


async def take_writes(watched: Watched) -> None:
    watched.outage.close()
    await watched.shows("syncer_database_up", 1)


async def downgrade(watched: Watched) -> None:
    await _mark_version(watched, "0001")
    await watched.shows("syncer_ready", 0, check="migrated")


async def upgrade(watched: Watched) -> None:
    await _mark_version(watched, revisions(watched.app.database)[1])
    await watched.shows("syncer_ready", 1, check="migrated")


async def _mark_version(watched: Watched, number: str) -> None:
    with watched.app.database.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '{number}'"))


async def refuse_key(watched: Watched) -> None:
    watched.world.environment.api_key = "ks_dev_another"
    watched.mark_due(GROUPS)
    await watched.shows("syncer_key_refused", 1)


async def stop(watched: Watched) -> None:
    watched.app.stopping.set()
    await watched.running


#: In an order in which each leaves the next one a service that is well, but for the last two.
EPISODES = (
    Episode(("SyncerBudgetTaken",), 50, before=spend_all, reads=(), passes=False, over=spend_no_more),
    Episode((), 480),
    Episode(("SyncerWebhooksRefused",), 60, before=forge_webhooks, within=forge_webhooks),
    Episode(
        ("SyncerConsumerBehind",), 120, before=begin_to_consume, within=tell_many_changes, over=consume_all
    ),
    Episode(("SyncerRateLimited",), 40, within=refuse_requests, over=recover),
    Episode(("SyncerDeliveryStuck",), 40, before=refuse_changes, over=accept_changes),
    Episode(("SyncerDataStale",), 30 * 60, within=hang_elsewhere, reads=(GROUPS,), over=recover),
    Episode(
        ("SyncerStreamsFailing",),
        90,
        before=failing(server_error(), "failed"),
        reads=(LOCATIONS,),
        over=recover,
    ),
    Episode(
        ("SyncerStreamsWaiting",),
        400,
        before=failing(not_ready(), "waiting"),
        reads=(LOCATIONS,),
        over=recover,
    ),
    Episode(("SyncerDeletionsHeld",), 50, before=lose_rows, reads=(LOCATIONS,), over=approve),
    Episode(("SyncerDatabaseDown",), 30, before=take_no_writes, reads=(), over=take_writes),
    Episode(("SyncerNotReady",), 60, before=downgrade, reads=(), over=upgrade),
    Episode(("SyncerQuarantineGrowing",), 100, within=spoil_records),
    Episode(("SyncerKeyRefused",), 48 * 60, before=refuse_key, reads=()),
    Episode(("SyncerDown",), 30, before=stop, reads=()),
)


@asynccontextmanager
async def serving(world: WorkersWorld, receiver: Receiver, **settings: Any) -> AsyncIterator[Watched]:
    """Run a service that has read all of four streams."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    world.settings = {
        "web": {"enabled": True, "port": port},
        "sync": {"models": MODELS, "every": "12h"},
        "webhooks": {"secrets": [WEBHOOK_SECRET]},
        "changes": {"models": [GROUPS]},
        "deliveries": [{"name": "billing", "url": receiver.url, "secret": SECRET}],
        "deletions": {"max_share": 0, "max_rows": 0},
        **settings,
    }
    async with world.app() as app, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        running = asyncio.create_task(run_service(app, handle_signals=False))
        with ExitStack() as outage:
            try:
                watched = Watched(world, app, client, running, receiver, outage)
                await until_async(lambda: world.mirror.is_complete(4) or running.done(), "first walks")
                yield watched
            finally:
                outage.close()
                world.environment.faults.clear()
                app.stopping.set()
                await running


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "SQLITE_BUSY_MS", 100)
    monkeypatch.setattr(shared_query, "KEPT", 0)
    monkeypatch.setattr(attempts, "LONGEST_PAUSE", timedelta(milliseconds=100))
    monkeypatch.setattr(Workers.__init__, "__kwdefaults__", {**KEYWORDS, "poll_every": 0.05})


@ON_SQLITE
async def test_each_trouble_fires_its_alert_and_no_other_and_none_fires_when_all_is_well(
    make_world: MakeWorkersWorld, receiver: Receiver, tmp_path: Path
) -> None:
    async with serving(make_world(integrations=2, records=60), receiver) as watched:
        for episode in EPISODES:
            await episode.check(watched, tmp_path)


@ON_SQLITE
async def test_a_service_whose_requests_are_never_answered_does_not_get_on(
    make_world: MakeWorkersWorld, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stall, "LEAST_SILENCE", timedelta(seconds=1))

    async def hang(watched: Watched) -> None:
        never = asyncio.Event()
        watched.outage.callback(never.set)
        watched.world.environment.sleep = lambda _: never.wait()
        watched.world.environment.faults.add(Match(), Late(60), times=None)
        await watched.shows("syncer_ready", 0, check="progress")

    episode = Episode(("SyncerNoSuccess", "SyncerNotReady"), 120, before=hang, reads=())
    every_second = {"models": MODELS, "every": "1s"}
    async with serving(make_world(integrations=2, records=60), receiver, sync=every_second) as watched:
        await episode.check(watched, tmp_path)


def test_each_alert_is_fired_above_and_has_a_severity_and_words_with_a_runbook() -> None:
    fired = {name for episode in EPISODES for name in episode.alerts} | {"SyncerNoSuccess"}
    assert fired == set(ALERTS)
    assert promtool.run("check", "rules", str(RULES)) == ""
    assert promtool.run("check", "config", "--syntax-only", str(RULES.with_name("prometheus.yml"))) == ""
    for rule in re.split(r"(?=- alert: )", RULES.read_text(encoding="utf-8"))[1:]:
        name = rule.split()[2]
        anchor = re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()
        assert re.search(r"severity: (warning|critical)\n", rule)
        assert re.search(r"summary: \w.+\n", rule)
        assert "description: >-\n" in rule
        assert f"runbook: docs/operations.md#alert-{anchor}\n" in rule
