"""deploy/prometheus: each alert fires for a service that is in its trouble, and none for one that is well.

The troubles are real: a service on the simulator meets one after the other, and is scraped before and after
the time that passes by the database's clock. promtool evaluates the rules on what was scraped.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from syncer.daemon.verification import Verifier
from syncer.daemon.web import shared_query
from syncer.daemon.workers import Workers
from syncer.domain.deliveries import attempts
from syncer.domain.streams import stall
from syncer.simulator.server.faults import (
    Late,
    Match,
    not_ready,
    server_error,
)
from syncer.store.db import engines
from tests.daemon.alerts.troubles import (
    Step,
    accept_changes,
    approve,
    begin_to_consume,
    consume_all,
    differ,
    downgrade,
    failing,
    forge_webhooks,
    hang_elsewhere,
    lose_rows,
    nothing,
    read_whole,
    recover,
    refuse_changes,
    refuse_key,
    refuse_requests,
    spend_all,
    spend_no_more,
    spoil_records,
    stop,
    take_no_writes,
    take_writes,
    tell_many_changes,
    upgrade,
)
from tests.daemon.alerts.watched import GROUPS, LOCATIONS, MODELS, Watched, serving
from tests.support import promtool
from tests.support.databases import ON_SQLITE
from tests.support.promtool import firing
from tests.support.receivers import Receiver
from tests.support.workers import MakeWorkersWorld

RULES = Path(__file__).parents[3] / "deploy" / "prometheus" / "alerts.yaml"
ALERTS = re.findall(r"- alert: (\w+)", RULES.read_text(encoding="utf-8"))

pytestmark = pytest.mark.tool("promtool")


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
    Episode(("SyncerVerificationDiffers",), 50, before=differ, over=read_whole),
    Episode(("SyncerDeletionsHeld",), 50, before=lose_rows, reads=(LOCATIONS,), over=approve),
    Episode(("SyncerDatabaseDown",), 30, before=take_no_writes, reads=(), over=take_writes),
    Episode(("SyncerNotReady",), 60, before=downgrade, reads=(), over=upgrade),
    Episode(("SyncerQuarantineGrowing",), 100, within=spoil_records),
    Episode(("SyncerKeyRefused",), 48 * 60, before=refuse_key, reads=()),
    Episode(("SyncerDown",), 30, before=stop, reads=()),
)


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "SQLITE_BUSY_MS", 100)
    monkeypatch.setattr(shared_query, "KEPT", 0)
    monkeypatch.setattr(attempts, "LONGEST_PAUSE", timedelta(milliseconds=100))
    for looking, pause in ((Workers, "poll_every"), (Verifier, "look_every")):
        defaults = looking.__init__.__kwdefaults__ or {}
        monkeypatch.setattr(looking.__init__, "__kwdefaults__", {**defaults, pause: 0.05})


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
