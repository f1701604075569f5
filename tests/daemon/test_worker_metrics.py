"""Metrics of a fleet: each process counts its own runs, and the sum over all is every run once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, MutableMapping
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from syncer.domain.errors import UsageError
from tests.support.fleet import Fleet
from tests.support.keys import source_of
from tests.support.waiting import PATIENCE, rest, until_async

TOKEN = "a-token-of-the-tests"
RUNS = "SELECT environment, outcome, count(*) FROM sync_runs WHERE ended_at IS NOT NULL GROUP BY 1, 2"
ROWS = """
    SELECT environment, effect, sum(records) FROM sync_runs CROSS JOIN LATERAL (
        VALUES ('created', created), ('updated', updated), ('unchanged', unchanged), ('deleted', deleted),
            ('restored', restored), ('quarantined', quarantined)
    ) AS effects (effect, records) GROUP BY 1, 2 HAVING sum(records) > 0
"""

#: Logs of the program.
Logged = list[MutableMapping[str, Any]]


@pytest.fixture
def logged() -> Iterator[Logged]:
    with capture_logs() as logs:
        yield logs


@pytest.fixture
def watched(fleet: Fleet) -> Fleet:
    """Two environments, whose services and workers serve metrics."""
    fleet.sources["us"] = source_of("us")
    fleet.settings["web"] = {"port": 0, "token": TOKEN}
    fleet.settings["workers"] = {"engine": "procrastinate", "port": 0}
    return fleet


def urls(logged: Logged, event: str) -> list[str]:
    return [each["url"].removesuffix("/metrics").rstrip("/") for each in logged if each["event"] == event]


async def totals(urls: list[str], name: str, label: str) -> Counter[tuple[str, str]]:
    """Sum up a counter of several processes by environment and another label, as Prometheus does."""
    found = Counter[tuple[str, str]]()
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}, timeout=PATIENCE) as client:
        for url in urls:
            answer = (await client.get(f"{url}/metrics")).raise_for_status()
            for family in text_string_to_metric_families(answer.text):
                for each in family.samples:
                    if each.name == name and each.value:
                        found[each.labels["environment"], each.labels[label]] += int(each.value)
    return found


def counted(fleet: Fleet, query: str) -> Counter[tuple[str, str]]:
    """Count the same by what the database has of all runs."""
    return Counter(
        {(environment, label): int(count) for environment, label, count in fleet.mirror.fetch(query)}
    )


async def test_the_sum_over_all_processes_counts_every_run_and_row_once(
    watched: Fleet, logged: Logged
) -> None:
    await watched.load_and_forget()
    # So that rows are read, too.
    watched.execute("UPDATE sync_streams SET last_full_walk_at = NULL, watermark = NULL")
    async with AsyncExitStack() as stack:
        for each in (watched.serving(), watched.serving(), watched.working(), watched.working()):
            await stack.enter_async_context(each)
        await until_async(watched.is_complete, "all streams")
        await until_async(lambda: len(urls(logged, "pages_served")) == 2, "the pages")
        await until_async(lambda: len(urls(logged, "metrics_served")) == 2, "the metrics")
        services, workers = urls(logged, "pages_served"), urls(logged, "metrics_served")
        # A run is counted when its transaction is over.
        async with asyncio.timeout(PATIENCE):
            while await totals(services + workers, "syncer_runs_total", "outcome") != counted(watched, RUNS):
                await rest()
        assert not await totals(services, "syncer_runs_total", "outcome")
        found = await totals(services + workers, "syncer_rows_total", "effect")
        assert {name for name, _ in found} == watched.sources.keys()
        assert found == counted(watched, ROWS)


async def test_metrics_of_a_worker_take_the_token_and_its_probe_takes_none(
    watched: Fleet, logged: Logged
) -> None:
    async with watched.working(), httpx.AsyncClient(timeout=PATIENCE) as client:
        await until_async(lambda: urls(logged, "metrics_served"), "the metrics")
        [url] = urls(logged, "metrics_served")
        assert (await client.get(f"{url}/healthz")).json() == {"status": "ok"}
        refused = await client.get(f"{url}/metrics")
        assert (refused.status_code, "syncer" in refused.text) == (401, False)
        answer = await client.get(f"{url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        assert "syncer_database_up 1.0" in answer.text


async def test_a_worker_without_a_port_serves_nothing(watched: Fleet, logged: Logged) -> None:
    watched.settings["workers"] = {"engine": "procrastinate"}
    async with watched.working():
        await until_async(lambda: [each for each in logged if each["event"] == "worker_started"], "the start")
    assert not urls(logged, "metrics_served")


async def test_a_worker_does_not_start_where_everybody_could_read_its_metrics(watched: Fleet) -> None:
    watched.settings["web"] = {"host": "0.0.0.0"}
    with pytest.raises(UsageError, match=r"metrics of the worker would be open .* or no workers\.port\.$"):
        async with watched.working():
            pass
