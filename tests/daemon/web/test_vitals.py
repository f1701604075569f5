"""Probes and metrics: what the service tells of itself to machines, also while its database is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import psycopg
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert, update

from syncer.app import App
from syncer.config.settings import Settings
from syncer.daemon.activity import Activity
from syncer.daemon.database_health import DatabaseHealth
from syncer.daemon.telemetry import Telemetry
from syncer.daemon.web.pages import pages
from syncer.domain.errors import DatabaseUnavailable
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams import stall
from syncer.domain.streams.stream import Mode
from syncer.operations.sync import sync
from syncer.simulator.server.faults import Answer, Late, Match, kombo_error
from syncer.store.schema.mirror_tables import missing, quarantine, streams
from syncer.store.state.consumers import acknowledge
from syncer.store.state.deliveries import add_delivery, note_failure, pause_delivery, read_delivery
from syncer.store.state.unknown_models import note_unknown_models
from syncer.sync.context import Progress
from tests.support.locks import WAITING_FOR_LOCKS
from tests.support.mirror import Mirror
from tests.support.receivers import SECRET
from tests.support.source import MODELS, make_environment
from tests.support.told_service import ToldService
from tests.support.waiting import PATIENCE, rest
from tests.support.webhooks import data_changed, send
from tests.support.workers import WorkersWorld

HOUR = timedelta(hours=1)
CHECKS = ("database", "migrated", "scheduler", "progress")
TOKEN = "a-token-of-the-tests"

#: Samples by name, each with its labels by the order of their names, but for the environment: it is the same.
Samples = dict[str, dict[tuple[str, ...], float]]


def samples(text: str) -> Samples:
    """Parse a scrape as Prometheus does."""
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        for each in family.samples:
            labels = tuple(value for name, value in sorted(each.labels.items()) if name != "environment")
            found.setdefault(each.name, {})[labels] = each.value
    return found


async def scrape(client: httpx.AsyncClient) -> Samples:
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    return samples(answer.text)


@asynccontextmanager
async def probed(app: App, **arguments: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Asks the pages without a socket."""
    transport = httpx.ASGITransport(app=pages(app, **arguments))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


class Clock:
    """Elapsed time in seconds, as the test says."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def ticking(clock: Callable[[], float]) -> Telemetry:
    """Telemetry of a service whose scheduler has ticked just now, by this clock."""
    telemetry = Telemetry(Activity(clock))
    telemetry.activity.ticked()
    return telemetry


async def test_a_working_service_is_ready_and_counts_what_it_does(migrated_url: str) -> None:
    world = ToldService(make_environment(records=120), Mirror(migrated_url))
    integration = world.company.integration_id
    async with world.serving() as [_]:
        [client] = world.clients
        assert (await client.get("/healthz")).json() == {"status": "ok"}
        async with asyncio.timeout(PATIENCE):
            while not (ready := await client.get("/readyz")).json()["checks"]["scheduler"]:
                await rest()
        assert (ready.status_code, ready.json()) == (
            200,
            {"status": "ready", "checks": dict.fromkeys(CHECKS, True)},
        )
        # A run is counted when its transaction is over.
        async with asyncio.timeout(PATIENCE):
            while sum((before := await scrape(client))["syncer_runs_total"].values()) < len(MODELS):
                await rest()
        assert before["syncer_streams"][("complete",)] == len(MODELS)
        assert sum(before["syncer_streams"].values()) == len(MODELS)
        rows = sum(each.rows_live + each.rows_deleted for each in world.streams().values())
        assert before["syncer_rows_total"][("created",)] == rows > 0
        assert before["syncer_runs_total"][("complete",)] == len(MODELS)
        assert before["syncer_run_seconds_count"] == {(): len(MODELS)}
        assert before["syncer_requests_total"][("full", "200")] >= len(MODELS)
        assert before["syncer_budget_used"][()] > 0
        # A rate is known from the first one on.
        assert before["syncer_webhooks_total"][("wrong_signature", "unknown")] == 0
        assert not any(before["syncer_webhooks_total"].values())
        assert set(before["syncer_lag_seconds"]) == {(model,) for model in MODELS}
        assert before["syncer_ready"] == {(each,): 1.0 for each in CHECKS}
        assert (before["syncer_database_up"], before["syncer_key_refused"]) == ({(): 1.0}, {(): 0.0})

        id = world.company.ids("hris_groups")[0]
        world.company.update("hris_groups", id, name="Renamed")
        body = data_changed(integration, "hris_groups")
        assert [await world.tell(body), await world.tell(body)] == ["accepted", "repeated"]
        assert (await send(client, b"{}", "whsec_of-somebody-else")).status_code == 401
        assert (await send(client, b"{}")).status_code == 200
        await world.until(
            lambda: world.rows("hris_groups", integration)[id]["name"] == "Renamed", "the change"
        )
        await world.until(lambda: len(world.runs_of(StreamKey(integration, "hris_groups"))) > 1, "the run")
        async with asyncio.timeout(PATIENCE):
            while not (after := await scrape(client))["syncer_webhook_to_row_seconds_count"][()]:
                await rest()
        webhooks = after["syncer_webhooks_total"]
        assert {labels: number for labels, number in webhooks.items() if number} == {
            ("accepted", "data-changed"): 1,
            ("repeated", "data-changed"): 1,
            ("wrong_signature", "unknown"): 1,
            ("ignored", "unknown"): 1,
        }
        assert after["syncer_rows_total"][("updated",)] == 1
        assert after["syncer_requests_total"][("webhook", "200")] >= 1
        # Neither an integration nor a person is a label.
        assert integration not in (await client.get("/metrics")).text


async def test_the_database_tells_what_waits_for_people_and_who_is_behind(world: WorkersWorld) -> None:
    world.settings["changes"] = {"models": ["*"]}
    world.settings["deliveries"] = [
        {"name": name, "url": "https://app.example/", "secret": SECRET, "models": ["*"]}
        for name in ("well", "failing", "stopped", "paused")
    ]
    async with world.app() as app:
        await sync(app, Mode.SYNC)
        stream = {"environment": "default", "integration_id": "personio:1", "model": "hris_groups"}
        with app.database.begin() as connection:
            now = app.database.now(connection)
            connection.execute(
                insert(missing),
                [
                    {**stream, "record_id": each, "walk_id": "w", "walks": 1, "missing_since": now}
                    | {"held_at": now, "approved_at": now if each == "approved" else None}
                    for each in ("one", "other", "approved")
                ],
            )
            connection.execute(
                insert(quarantine).values(
                    **stream,
                    record_key="r",
                    reason="…",
                    document="{}",
                    run_id="x",
                    first_seen_at=now,
                    last_seen_at=now,
                )
            )
            note_unknown_models(connection, "default", ["hris_shifts"], now)
            acknowledge(connection, "warehouse", 0, now)
            for each in app.settings.delivered:
                add_delivery(connection, each.name, now)
            pause_delivery(connection, "paused", now)
            for name, pause in (("failing", HOUR), ("stopped", None)):
                seen = read_delivery(connection, name)
                assert seen is not None
                note_failure(connection, seen, status=500, error="No.", now=now, pause=pause)
            connection.execute(
                update(streams).where(streams.c.model == "hris_groups").values(complete_at=now - HOUR)
            )
        async with probed(app) as client:
            found = await scrape(client)
    assert (found["syncer_held"], found["syncer_quarantined"]) == ({(): 2.0}, {(): 1.0})
    assert found["syncer_unknown_models"] == {("hris_shifts",): 1.0}
    assert found["syncer_changes_sequence"][()] > 0
    assert found["syncer_consumer_lag"] == {("warehouse",): found["syncer_changes_sequence"][()]}
    assert found["syncer_delivery_stuck"] == {
        ("well",): 0.0,
        ("failing",): 1.0,
        ("stopped",): 1.0,
        ("paused",): 0.0,
    }
    assert 3600 <= found["syncer_lag_seconds"][("hris_groups",)] < 3600 + 600
    assert found["syncer_lag_seconds"][("hris_employees",)] < 600
    assert abs(found["syncer_last_success_timestamp_seconds"][()] - now.timestamp()) < 600


async def test_the_format_is_the_one_that_is_asked_for(world: WorkersWorld) -> None:
    async with world.app() as app, probed(app) as client:
        plain = await client.get("/metrics", headers={"Accept": "text/html, */*"})
        openmetrics = await client.get(
            "/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0, text/plain;q=0.5"}
        )
        odd = await client.get("/metrics", headers={"Accept": "text/plain; version=x"})
    assert plain.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert openmetrics.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0;")
    families = parse_openmetrics(openmetrics.text)  # type: ignore[no-untyped-call]
    assert {each.name for each in families} >= {"syncer_runs", "syncer_streams"}
    assert (odd.status_code, odd.headers["content-type"]) == (200, plain.headers["content-type"])


async def test_the_token_opens_the_metrics_and_probes_need_none(world: WorkersWorld) -> None:
    world.settings["web"] = {"token": TOKEN}
    async with world.app() as app, probed(app) as client:
        assert (await client.get("/metrics")).status_code == 401
        assert (await client.get("/metrics", auth=("prometheus", TOKEN))).status_code == 200
        elsewhere = {"Host": "10.1.2.3"}
        unknown = await client.get("/readyz", headers=elsewhere)
        trusted = await client.get("/readyz", headers={"Authorization": f"Bearer {TOKEN}"})
    assert unknown.json() == {
        "status": "not ready",
        "checks": dict.fromkeys(("database", "migrated", "progress"), True) | {"scheduler": False},
    }
    assert trusted.json()["problems"] == {"scheduler": "The scheduler has not begun yet."}


async def test_without_its_database_a_scrape_still_tells_what_the_process_knows() -> None:
    url = "postgresql://somebody:hunter2@127.0.0.1:1/mirror"
    telemetry, tables = Telemetry(), dict[str, Any](database={"url": url})
    async with App(Settings(**tables)) as app, probed(app, telemetry=telemetry) as client:
        telemetry.count_requests(app)
        found, ready = await scrape(client), await client.get("/readyz")
        assert (await client.get("/healthz")).status_code == 200
    assert found["syncer_database_up"] == {(): 0.0}
    assert found["syncer_runs_total"][("complete",)] == 0
    assert found["process_open_fds"][()] > 0
    assert found.keys().isdisjoint({"syncer_streams", "syncer_held", "syncer_lag_seconds"})
    assert (ready.status_code, ready.json()["checks"]) == (503, dict.fromkeys(CHECKS, False))
    assert "hunter2" not in ready.text


async def test_a_database_that_takes_no_writes_is_not_up_and_tells_what_it_holds(
    world: WorkersWorld,
) -> None:
    health = DatabaseHealth()
    health.report_failure("a stream", DatabaseUnavailable("The disk is full."))
    async with world.app() as app, probed(app, health=health) as client:
        found, ready = await scrape(client), await client.get("/readyz")
    assert (found["syncer_database_up"], found["syncer_held"]) == ({(): 0.0}, {(): 0.0})
    assert ready.json()["problems"]["database"] == "The disk is full."


async def test_tables_of_another_version_are_not_ready(mirror: Mirror) -> None:
    world = WorkersWorld(make_environment(), mirror)
    async with world.app() as app:
        app.migrate(may_create=True)
        with app.database.begin() as connection:
            connection.exec_driver_sql("UPDATE sync_schema_version SET version_num = '0001'")
        async with probed(app) as client:
            ready, found = await client.get("/readyz"), await scrape(client)
    assert ready.status_code == 503
    assert "syncer migrate" in ready.json()["problems"]["migrated"]
    assert (found["syncer_ready"][("migrated",)], found["syncer_database_up"]) == (0.0, {(): 1.0})


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
async def test_a_database_that_hangs_holds_one_thread_for_all_who_ask(world: WorkersWorld) -> None:
    async with world.app() as app, probed(app, patience=0.2) as client:
        with psycopg.connect(world.mirror.database_url) as other:
            other.execute("LOCK TABLE sync_streams IN ACCESS EXCLUSIVE MODE")
            scrapes = [scrape(client) for _ in range(5)]
            probes = [client.get("/readyz") for _ in range(5)]
            found, ready = await asyncio.gather(*scrapes), await asyncio.gather(*probes)
            assert other.execute(WAITING_FOR_LOCKS).fetchone() == (1,)
    assert [each["syncer_database_up"] for each in found] == [{(): 0.0}] * 5
    assert {each.status_code for each in ready} == {503}


async def is_ready(client: httpx.AsyncClient) -> tuple[int, bool]:
    answer = await client.get("/readyz")
    return answer.status_code, answer.json()["checks"]["progress"]


async def test_streams_that_are_due_and_never_complete_are_a_stall(world: WorkersWorld) -> None:
    clock = Clock()
    telemetry = ticking(clock)
    async with world.app() as app:
        await sync(app, Mode.SYNC)

        def leave(**values: Any) -> None:
            with app.database.begin() as connection:
                now = app.database.now(connection)
                moments = {name: now - ago for name, ago in values.items()}
                connection.execute(update(streams).values(**moments))

        async def found() -> tuple[int, bool]:
            # By pages that have not been asked just before.
            async with probed(app, telemetry=telemetry) as client:
                return await is_ready(client)

        # Nothing was made due since.
        leave(complete_at=9 * HOUR, scheduled_at=9.5 * HOUR)
        clock.now += 10 * HOUR.total_seconds()
        telemetry.activity.ticked()
        assert await found() == (200, True)
        leave(scheduled_at=0 * HOUR)
        assert await found() == (503, False)
        async with probed(app, telemetry=telemetry) as client:
            [problem] = (await client.get("/readyz")).json()["problems"].values()
        assert problem.startswith(
            "No stream has been complete and no page was stored for 9 h, although hris_"
        )
        # A first load takes long, and gets on.
        telemetry.observe("default", lambda _: None)(Progress(StreamKey("tool:1", "hris_groups"), "page"))
        assert await found() == (200, True)
        clock.now += 2.5 * HOUR.total_seconds()
        telemetry.activity.ticked()
        assert await found() == (503, False)
        # Pages that another process stores show in the database; that one is worked on does not.
        for pages, getting_on in ((3, False), (3, False), (4, True)):
            with app.database.begin() as connection:
                walk = {"walk_id": "a", "walk_kind": "full", "walk_pages": pages, "lease_owner": "worker"}
                connection.execute(update(streams).values(walk))
            assert await found() == ((200, True) if getting_on else (503, False))
        clock.now += 2.5 * HOUR.total_seconds()
        telemetry.activity.ticked()
        assert await found() == (503, False)
        # One stream that gets through is enough.
        leave(complete_at=HOUR)
        assert await found() == (200, True)
        # What has a time of its own is not expected to be complete.
        leave(complete_at=9 * HOUR)
        with app.database.begin() as connection:
            connection.execute(update(streams).values(state="waiting"))
        assert await found() == (200, True)


async def test_a_scheduler_that_has_not_ticked_for_long_is_told(world: WorkersWorld) -> None:
    clock = Clock()
    telemetry = ticking(clock)
    async with world.app() as app, probed(app, telemetry=telemetry) as client:
        assert (await client.get("/readyz")).status_code == 200
        clock.now += 31
        answer = await client.get("/readyz")
    assert answer.json()["problems"] == {"scheduler": "The scheduler has not ticked for 31 s."}


TROUBLES: Iterable[tuple[str, Answer]] = (
    ("silence", Late(5)),
    ("key", kombo_error(401, "PLATFORM.AUTHENTICATION_INVALID")),
    ("errors", kombo_error(500, None)),
)


@pytest.mark.parametrize("trouble", [each for _, each in TROUBLES], ids=[name for name, _ in TROUBLES])
async def test_whatever_keeps_everything_from_being_read_is_a_stall(
    migrated_sqlite_url: str, trouble: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Intervals are a second here.
    monkeypatch.setattr(stall, "LEAST_SILENCE", timedelta(0))
    world = ToldService(make_environment(records=120), Mirror(migrated_sqlite_url))
    async with world.serving(sync={"models": list(MODELS), "every": "1s"}):
        [client] = world.clients
        world.environment.faults.add(Match(), trouble, times=None)
        async with asyncio.timeout(PATIENCE):
            answer = await client.get("/readyz")
            while answer.status_code != 503 or answer.json()["checks"]["progress"]:
                await rest()
                answer = await client.get("/readyz")
        checks = answer.json()["checks"]
    assert checks == {"database": True, "migrated": True, "scheduler": True, "progress": False}
