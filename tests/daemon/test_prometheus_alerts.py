"""deploy/prometheus: each alert fires for a service that is in its trouble, and none for one that is well.

The trouble is real: a service on the simulator, which is scraped before and after the time that passes by the
database's clock. promtool evaluates the rules on what was scraped.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from operator import lt
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text, update

from syncer.app import App
from syncer.daemon.service import run_service
from syncer.daemon.workers import Workers
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
from syncer.store.db import engines
from syncer.store.schema.migrate import VERSION_TABLE
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

pytestmark = [
    pytest.mark.tool("promtool"),
    # What is exposed is the same of both databases.
    pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True),
]


@dataclass
class Watched:
    """A service that is scraped."""

    world: WorkersWorld
    app: App
    client: httpx.AsyncClient
    running: asyncio.Task[None]
    until_the_end: ExitStack

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

    def pass_time(self, minutes: int) -> None:
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


Trouble = Callable[[Watched], Awaitable[None]]
Run = Callable[..., Awaitable[None]]


async def nothing(watched: Watched) -> None:
    """No trouble."""


@pytest.fixture
def expect(make_world: MakeWorkersWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a service, and expects exactly some alerts after so many minutes.

    before, within: the trouble that is there before or after they pass. reads: what is read nevertheless.
    """
    monkeypatch.setattr(engines, "SQLITE_BUSY_MS", 100)
    monkeypatch.setattr(Workers.__init__, "__kwdefaults__", {**KEYWORDS, "poll_every": 0.05})

    @asynccontextmanager
    async def serving(**settings: Any) -> AsyncIterator[Watched]:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        world = make_world(integrations=2, records=60, **settings)
        world.settings["web"] = {"enabled": True, "port": port}
        world.settings["sync"] = {"models": MODELS, "every": "12h", **world.settings.get("sync", {})}
        async with world.app() as app, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            running = asyncio.create_task(run_service(app, handle_signals=False))
            with ExitStack() as until_the_end:
                try:
                    watched = Watched(world, app, client, running, until_the_end)
                    await until_async(lambda: world.mirror.is_complete(4) or running.done(), "first walks")
                    yield watched
                finally:
                    until_the_end.close()
                    app.stopping.set()
                    await running

    async def run(
        *alerts: str,
        minutes: int,
        before: Trouble = nothing,
        within: Trouble = nothing,
        reads: Sequence[str] = MODELS,
        **settings: Any,
    ) -> None:
        async with serving(**settings) as watched:
            await before(watched)
            first = await watched.scrape()
            watched.pass_time(minutes)
            await watched.read(*reads)
            await within(watched)
            second = await watched.scrape()
        assert promtool.check(tmp_path, RULES, first, second, minutes, firing(alerts)) == ""

    return run


async def test_a_service_that_is_well_fires_none(expect: Run) -> None:
    await expect(minutes=480)


async def test_a_service_that_answers_no_scrape(expect: Run) -> None:
    async def stop(watched: Watched) -> None:
        watched.app.stopping.set()
        await watched.running

    await expect("SyncerDown", minutes=30, before=stop, reads=())


async def test_a_database_that_takes_no_writes(expect: Run) -> None:
    async def lock(watched: Watched) -> None:
        watched.until_the_end.enter_context(locked(watched.world.database_url))
        await watched.shows("syncer_database_up", 0)

    await expect("SyncerDatabaseDown", minutes=30, before=lock, reads=(), sync={"every": "1s"})


async def test_a_database_of_another_version(expect: Run) -> None:
    async def mark(watched: Watched) -> None:
        statement = text(f"UPDATE {VERSION_TABLE} SET version_num = '0001'")
        with watched.app.database.begin() as connection:
            connection.execute(statement)
        await watched.shows("syncer_ready", 0, check="migrated")

    await expect("SyncerNotReady", minutes=60, before=mark, reads=())


async def test_a_service_whose_requests_are_never_answered(
    expect: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stall, "LEAST_SILENCE", timedelta(seconds=1))

    async def hang(watched: Watched) -> None:
        never = asyncio.Event()
        watched.until_the_end.callback(never.set)
        watched.world.environment.sleep = lambda _: never.wait()
        watched.world.environment.faults.add(Match(), Late(60), times=None)
        await watched.shows("syncer_ready", 0, check="progress")

    every = {"every": "1s"}
    await expect("SyncerNoSuccess", "SyncerNotReady", minutes=120, before=hang, reads=(), sync=every)


async def test_a_refused_key(expect: Run) -> None:
    async def refuse(watched: Watched) -> None:
        watched.world.environment.api_key = "ks_dev_another"
        watched.mark_due(GROUPS)
        await watched.shows("syncer_key_refused", 1)

    await expect("SyncerKeyRefused", minutes=48 * 60, before=refuse, reads=())


async def test_a_stream_that_nobody_gets_on_with(expect: Run) -> None:
    """Another process holds it and does not end; its lease is renewed."""

    async def hang(watched: Watched) -> None:
        with watched.app.database.begin() as connection:
            until = watched.app.database.now(connection) + timedelta(minutes=50)
            hung = update(streams).where(streams.c.model == LOCATIONS)
            connection.execute(hung.values(lease_owner="elsewhere/1", lease_until=until))
        watched.mark_due(LOCATIONS)

    await expect("SyncerDataStale", minutes=30 * 60, within=hang, reads=[GROUPS])


@pytest.mark.parametrize(
    ("answer", "state", "alert"),
    [(server_error(), "failed", "SyncerStreamsFailing"), (not_ready(), "waiting", "SyncerStreamsWaiting")],
)
async def test_a_list_that_cannot_be_read(expect: Run, answer: Reply, state: str, alert: str) -> None:
    async def fail(watched: Watched) -> None:
        watched.world.environment.faults.add(Match(model=GROUPS), answer, times=None)
        watched.mark_due(GROUPS)
        await watched.shows("syncer_streams", 2, state=state)

    await expect(alert, minutes=450, before=fail, reads=[LOCATIONS])


async def test_deletions_that_wait_for_a_person(expect: Run) -> None:
    async def vanish(watched: Watched) -> None:
        company = next(iter(watched.world.environment.companies.values()))
        for each in company.ids(GROUPS)[:4]:
            company.vanish(GROUPS, each)
        async with watched.world.app() as app:
            await sync(app, Mode.RESTART, models=[GROUPS])
        await watched.shows("syncer_held", lambda rows: rows > 0)

    all_held = {"max_share": 0, "max_rows": 0}
    await expect("SyncerDeletionsHeld", minutes=50, before=vanish, reads=[LOCATIONS], deletions=all_held)


async def test_records_that_cannot_be_stored(expect: Run) -> None:
    def without_id(data: Any) -> Any:
        del data["data"]["results"][0]["id"]
        return data

    async def spoil(watched: Watched) -> None:
        watched.world.environment.faults.add(Match(model=GROUPS), rewritten(without_id), times=None)
        with watched.app.database.begin() as connection:
            connection.execute(update(streams).values(last_full_walk_at=None, watermark=None))
        watched.mark_due(GROUPS)
        await watched.shows("syncer_quarantined", 2)

    await expect("SyncerQuarantineGrowing", minutes=100, within=spoil)


async def test_requests_that_the_limit_refuses(expect: Run) -> None:
    async def refuse(watched: Watched) -> None:
        watched.world.environment.faults.add(Match(), rate_limited(reset=1), times=12)
        watched.mark_due(*MODELS)
        for number in range(12):
            await watched.shows("syncer_refused_total", partial(lt, number))
            watched.pass_time(1)

    await expect("SyncerRateLimited", minutes=40, within=refuse)


async def test_a_limit_that_others_use_up(expect: Run) -> None:
    async def spend(watched: Watched) -> None:
        limit = watched.world.environment.limit
        limit.spend(limit.limit - limit.used - 50)
        await ask(watched)

    async def ask(watched: Watched) -> None:
        watched.mark_due(GROUPS)
        await watched.shows("syncer_budget_used", lambda used: used > 95_000)

    await expect("SyncerBudgetTaken", minutes=50, before=spend, within=ask, reads=())


async def test_a_consumer_that_falls_behind(expect: Run) -> None:
    async def begin(watched: Watched) -> None:
        with watched.app.database.begin() as connection:
            acknowledge(connection, "slow", 0, NOW)

    async def tell(watched: Watched) -> None:
        with watched.app.database.begin() as connection:
            tell_changes(connection, map(str, range(3000)))

    await expect("SyncerConsumerBehind", minutes=120, before=begin, within=tell)


async def test_a_delivery_whose_receiver_fails(expect: Run, receiver: Receiver) -> None:
    receiver.answer(500)

    async def tell(watched: Watched) -> None:
        with watched.app.database.begin() as connection:
            tell_changes(connection, ["a"], model=GROUPS)
        await watched.shows("syncer_delivery_stuck", 1, delivery="billing")

    await expect(
        "SyncerDeliveryStuck",
        minutes=40,
        before=tell,
        changes={"models": [GROUPS]},
        deliveries=[{"name": "billing", "url": receiver.url, "secret": SECRET}],
    )


async def test_webhooks_that_somebody_else_has_signed(expect: Run) -> None:
    async def forge(watched: Watched) -> None:
        for _ in range(24):
            answer = await watched.client.post(PATH, content=b"{}", headers={SIGNATURE_HEADER: "no"})
            assert answer.status_code == 401

    async def begin(watched: Watched) -> None:
        await forge(watched)

    await expect(
        "SyncerWebhooksRefused",
        minutes=60,
        before=begin,
        within=forge,
        webhooks={"secrets": [WEBHOOK_SECRET]},
    )


def test_each_alert_is_fired_above_and_has_a_severity_and_words_with_a_runbook(migrated_url: str) -> None:
    fired = set(re.findall(r'"(Syncer\w+)"', Path(__file__).read_text(encoding="utf-8")))
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
