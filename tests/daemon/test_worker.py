"""Workers that take their streams from a queue, and a service that schedules and works on none itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.stream_key import StreamKey
from syncer.operations.check import check
from syncer.operations.status import status
from tests.support.fleet import Fleet
from tests.support.keys import source_of
from tests.support.mirror import Mirror
from tests.support.pgbouncer import Pooling
from tests.support.source import MODELS
from tests.support.waiting import until_async
from tests.support.webhooks import data_changed

POLLED, TOLD = int(Purpose.INCREMENTAL), int(Purpose.WEBHOOK)


async def test_a_service_leaves_all_runs_to_workers_and_everybody_is_told_of_both(fleet: Fleet) -> None:
    fleet.sources["us"] = source_of("us")
    await fleet.load_and_forget()
    async with fleet.serving() as service, fleet.working() as worker:
        await until_async(fleet.is_complete, "all streams")
        # What has ended is not kept.
        await until_async(lambda: not fleet.jobs(), "an empty queue")
        assert fleet.mirror.fetch("SELECT DISTINCT owner FROM sync_runs") == [(worker.owner,)]
        await until_async(lambda: len(status(service)["processes"]) == 2, "both processes")
        assert sorted(each["role"] for each in status(service)["processes"]) == ["service", "worker"]
        queues = {each["name"]: each["queue"] for each in status(service)["environments"]}
        assert queues == {name: {"queued": 0, "running": 0} for name in fleet.sources}
        found = [each.found async for each in check(service) if each.subject == "workers"]
        assert found == ["the queue is in the schema procrastinate; 1 worker takes streams from it"]
    assert fleet.mirror.fetch("SELECT count(*) FROM procrastinate.procrastinate_workers") == [(0,)]
    fleet.assert_equal("us")


async def test_news_reach_a_worker_at_once_and_go_before_what_is_polled(fleet: Fleet) -> None:
    fleet.settings["sync"] = {**fleet.tables()["sync"], "concurrency": 1}
    await fleet.load()
    integration = fleet.integration("default")
    company = fleet.sources["default"].companies[integration]
    async with fleet.serving() as service:
        # Nobody takes them yet: a stream that is told of gets a more urgent job than the one that waits.
        fleet.mark(service, *(StreamKey(integration, model) for model in MODELS))
        await until_async(lambda: len(fleet.jobs()) == 3, "the jobs")
        assert {priority for _, priority in fleet.jobs()} == {-POLLED}
        for id in company.ids("hris_groups"):
            company.update("hris_groups", id, name="another")
        await fleet.tell(data_changed(integration, "hris_teams"))
        await until_async(lambda: fleet.jobs()[:1] == [("todo", -TOLD)], "the more urgent job")
        assert len(fleet.jobs()) == 3
        async with fleet.working():
            await until_async(lambda: not fleet.jobs(), "the end of all")
            runs = fleet.mirror.fetch("SELECT model, told_at IS NULL FROM sync_runs ORDER BY started_at")[-3:]
            assert runs[0] == ("hris_groups", False)
            # The worker rests now.
            fleet.mark(service, StreamKey(integration, "hris_locations"))
            await fleet.tell(data_changed(integration, "hris_locations"))
            await until_async(
                lambda: (
                    fleet.mirror.fetch("SELECT count(*) FROM sync_runs WHERE told_at IS NOT NULL") == [(2,)]
                ),
                "the run because of the webhook",
            )
    fleet.assert_equal("default")


async def test_a_job_for_a_stream_that_is_leased_or_not_due_does_nothing(fleet: Fleet) -> None:
    await fleet.load()
    integration = fleet.integration("default")
    leased, settled = (StreamKey(integration, model) for model in ("hris_groups", "hris_locations"))
    before = fleet.mirror.fetch("SELECT count(*) FROM sync_runs")
    async with fleet.app() as app:
        app.migrate()
        fleet.mark(app, leased)
        streams = app.environments["default"].streams
        with app.database.begin() as connection:
            assert streams.claim(
                connection,
                leased,
                owner="elsewhere",
                now=app.database.now(connection),
                length=timedelta(minutes=10),
                is_dead=lambda _: False,
                answers=False,
            )
        await fleet.make_jobs(app, {leased: POLLED, settled: POLLED})
    async with fleet.working():
        await until_async(lambda: not fleet.jobs(), "the end of both")
    assert fleet.mirror.fetch("SELECT count(*) FROM sync_runs") == before
    due = "SELECT lease_owner, due_at IS NOT NULL FROM sync_streams WHERE model = 'hris_groups'"
    assert fleet.mirror.fetch(due) == [("elsewhere", True)]


async def test_a_worker_that_stops_ends_its_page_and_gives_its_job_back(fleet: Fleet) -> None:
    fleet.settings["kombo"] = {**fleet.tables()["kombo"], "page_size": 1}
    source, key = fleet.sources["default"], StreamKey(fleet.integration("default"), "hris_employees")
    async with fleet.serving() as service, fleet.working() as worker:

        def stop(asked: Any) -> None:
            if asked.model == key.model and asked.page == 2:
                # First of the service: nobody makes another job.
                service.stopping.set()
                worker.stopping.set()

        source.between_pages = stop
        await until_async(worker.stopping.is_set, "the second page")
    source.between_pages = None
    assert ("todo", -POLLED) in fleet.jobs()
    state = f"SELECT last_outcome, walk_pages > 0, lease_owner FROM sync_streams WHERE model = '{key.model}'"
    assert fleet.mirror.fetch(state) == [("stopped", True, None)]
    async with fleet.working():
        await until_async(fleet.is_complete, "the others' streams")
    fleet.assert_equal("default")


async def test_no_job_is_taken_while_a_key_is_refused_and_other_environments_go_on(fleet: Fleet) -> None:
    fleet.sources["us"] = source_of("us")
    fleet.settings["sync"] = {**fleet.tables()["sync"], "concurrency": 1}
    await fleet.load()
    async with fleet.app() as app:
        app.migrate()
        keys = [StreamKey(fleet.integration("default"), model) for model in MODELS]
        fleet.mark(app, *keys)
        await fleet.make_jobs(app, dict.fromkeys(keys, POLLED))
    fleet.settings["kombo"] = {**fleet.tables()["kombo"], "api_key": "ks_dev_withdrawn"}
    us = "SELECT count(*) FROM sync_runs WHERE environment = 'us'"
    [(before,)] = fleet.mirror.fetch(us)
    async with fleet.serving() as service, fleet.working():
        await until_async(lambda: status(service)["key"], "the refusal")
        other = StreamKey(fleet.integration("us"), "hris_groups")
        await fleet.tell(data_changed(other.integration_id, other.model), "us")
        await until_async(lambda: fleet.mirror.fetch(us) > [(before,)], "a run of the other one")
    assert [job for job in fleet.jobs() if job[0] == "todo"]


@pytest.mark.tool("pgbouncer")
async def test_workers_find_their_jobs_through_a_pooler_that_nobody_can_listen_through(
    fleet: Fleet, pooling: Pooling
) -> None:
    await fleet.load_and_forget()
    with pooling("transaction") as pooler:
        direct, fleet.mirror = fleet.mirror, Mirror(pooler.url(fleet.mirror.database_url))
        async with fleet.serving(), fleet.working(fetch_every=0.2):
            fleet.mirror = direct
            await until_async(fleet.is_complete, "all streams")
    fleet.assert_equal("default")
