"""What is due is run: so much at once, in turns, whatever single streams or the database do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import MutableMapping
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, ExceptionContext, event, text, update
from structlog.testing import capture_logs

from syncer.daemon.key_health import KeyHealth
from syncer.domain.errors import KeyRefused
from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.stream_key import StreamKey
from syncer.simulator.server import faults
from syncer.simulator.server.faults import Match
from syncer.simulator.server.request_log import RequestInfo
from syncer.store.schema.mirror_tables import streams
from tests.support.databases import ON_SQLITE
from tests.support.mirror import Mirror
from tests.support.outages import Troubled
from tests.support.source import MODELS, make_environment
from tests.support.workers import MakeWorkersWorld, WorkersWorld

#: Seconds after which nobody in these tests looks: whatever happens has another cause.
NEVER = 3_600.0


async def test_what_is_due_is_run_and_only_that(make_world: MakeWorkersWorld) -> None:
    world = make_world(integrations=2)
    async with world.working(due=False) as work:
        due = work.keys[:4]
        world.mark(*due)
        work.workers.wake()
        await world.until(lambda: len(world.ended()) == 4, "four runs")
    assert sorted(world.ended()) == sorted((key, "complete") for key in due)
    assert world.mirror.leases() == []


@ON_SQLITE
async def test_so_many_streams_run_at_once_and_no_more(make_world: MakeWorkersWorld) -> None:
    world = make_world(integrations=3)
    most = 0

    def count(asked: RequestInfo) -> None:
        nonlocal most
        most = max(most, len(world.mirror.leases()))

    world.environment.between_pages = count
    async with world.working(concurrency=2):
        await world.until(lambda: len(world.ended()) == 9, "nine runs")
    assert most == 2


@ON_SQLITE
async def test_integrations_take_turns(make_world: MakeWorkersWorld) -> None:
    world = make_world(integrations=3)
    async with world.working(due=False, concurrency=1) as work:
        world.mark(*sorted(work.keys))
        work.workers.wake()
        await world.until(lambda: len(world.ended()) == 9, "nine runs")
    # Though all streams of one became due before those of the next.
    turns = [integration for (integration, _), _ in world.ended()]
    for begin in (0, 3, 6):
        assert len(set(turns[begin : begin + 3])) == 3


@ON_SQLITE
@pytest.mark.parametrize(("concurrency", "turn"), [(2, NEVER), (1, 0.05)], ids=["two places", "one place"])
async def test_an_integration_with_long_streams_does_not_starve_another(
    make_world: MakeWorkersWorld, concurrency: int, turn: float
) -> None:
    models = ("hris_absences", "hris_timesheets", "hris_locations")
    world = make_world(integrations=2, kombo={"page_size": 1}, sync={"models": models})
    long, small = world.environment.integrations
    first, second, late = StreamKey(long, models[0]), StreamKey(long, models[1]), StreamKey(small, models[2])
    async with world.working(due=False, concurrency=concurrency, time_slice=turn, poll_every=0.05) as work:

        def become_due(asked: RequestInfo) -> None:
            if asked.model == models[0] and asked.page == 3:
                world.environment.between_pages = None
                world.mark(late)
                work.workers.wake()

        world.environment.between_pages = become_due
        world.mark(first, second)
        work.workers.wake()
        await world.until(lambda: (late, "complete") in world.ended(), "a turn for the other one")
        # A run has given its place up for it.
        stops = world.ended().count((first, "stopped")), world.ended().count((second, "stopped"))
        assert sum(stops) > 0
        await world.until(lambda: world.mirror.streams()[first].complete_at, "the end")
    # Nothing of its walk was lost: at most the two pages that had been read ahead each time.
    stopped = world.ended().count((first, "stopped"))
    asked = [each.page for each in world.environment.asked_for(models[0], long)]
    assert len(asked) <= len(set(asked)) + 2 * stopped
    assert set(asked) == set(range(1, len(world.mirror.documents(models[0], long)) + 1))


@ON_SQLITE
async def test_only_as_many_places_are_given_up_as_others_wait_for(make_world: MakeWorkersWorld) -> None:
    world = make_world(integrations=2, kombo={"page_size": 1})
    long, small = world.environment.integrations
    late = StreamKey(small, "hris_locations")
    async with world.working(due=False, concurrency=3, time_slice=0.0) as work:

        def look(asked: RequestInfo) -> None:
            # Each look finds the other one waiting until a place is free.
            if asked.page == 2:
                world.mark(late)
            work.workers.wake()

        world.environment.between_pages = look
        world.mark(*(StreamKey(long, model) for model in MODELS))
        work.workers.wake()
        await world.until(lambda: (late, "complete") in world.ended(), "a turn for the other one")
        assert [outcome for key, outcome in world.ended() if key.integration_id == long].count("stopped") == 1


@ON_SQLITE
async def test_news_find_a_place_although_runs_that_wait_for_kombo_have_all(
    make_world: MakeWorkersWorld,
) -> None:
    world = make_world(integrations=2)
    slow, told = world.environment.integrations
    silent = world.environment.faults.add(Match(integration=slow, path="*groups*"), faults.Late(NEVER), None)
    news = [StreamKey(told, model) for model in MODELS]
    async with world.working(due=False, concurrency=1, grace=0.2) as work:
        world.mark(StreamKey(slow, "hris_groups"))
        work.workers.wake()
        await world.until(lambda: silent.fired, "a run that waits")
        world.mark(news[0])
        world.mark(*news[1:], purpose=Purpose.WEBHOOK)
        work.workers.wake()
        await world.until(lambda: len(world.ended()) == 2, "the news")
    # What is due by the schedule alone has no such place.
    assert sorted(key for key, outcome in world.ended() if outcome == "complete") == sorted(news[1:])


@ON_SQLITE
async def test_a_place_that_was_given_up_goes_to_whom_it_was_given_up_for(
    make_world: MakeWorkersWorld,
) -> None:
    world = make_world(integrations=2, kombo={"page_size": 1})
    long, small = world.environment.integrations
    late = StreamKey(small, "hris_locations")
    async with world.working(due=False, concurrency=1, time_slice=0.0) as work:

        def become_due(asked: RequestInfo) -> None:
            if asked.page == 2:
                world.environment.between_pages = None
                world.mark(late)
                work.workers.wake()

        world.environment.between_pages = become_due
        # The second of them has been due for longer than the late one.
        world.mark(StreamKey(long, "hris_employees"), StreamKey(long, "hris_groups"))
        work.workers.wake()
        await world.until(lambda: len(world.ended()) >= 2, "two runs")
        assert [key for key, _ in world.ended()][1] == late


async def test_a_stream_whose_runner_has_died_is_taken(world: WorkersWorld) -> None:
    async with world.working(due=False) as work:
        parts = work.engine.owner.split("/")
        # A process of this host that has ended: our own name with a number that nobody has.
        parts[3] = "4194304"
        with world.mirror.open() as (database, connection):
            later = database.now(connection) + timedelta(hours=1)
            connection.execute(
                update(streams)
                .where(streams.c.model == "hris_groups")
                .values(lease_owner="/".join(parts), lease_until=later)
            )
        work.workers.wake()
        await world.until(world.ended, "the run")
    assert [(key.model, outcome) for key, outcome in world.ended()] == [("hris_groups", "complete")]


@ON_SQLITE
async def test_a_stream_of_a_living_runner_is_left_alone(make_world: MakeWorkersWorld) -> None:
    world = make_world(sync={"models": MODELS})
    async with world.working(due=False) as work:
        owner = f"elsewhere/{work.engine.owner.partition('/')[2]}"
        with world.mirror.open() as (database, connection):
            later = database.now(connection) + timedelta(hours=1)
            connection.execute(
                update(streams)
                .where(streams.c.model == "hris_groups")
                .values(lease_owner=owner, lease_until=later)
            )
        world.mark(*work.keys)
        work.workers.wake()
        await world.until(lambda: len(world.ended()) == 2, "the others")
    assert "hris_groups" not in {key.model for key, _ in world.ended()}


async def test_what_becomes_due_later_needs_no_look(world: WorkersWorld) -> None:
    async with world.working(due=False, poll_every=NEVER) as work:
        with world.mirror.open() as (database, connection):
            soon = database.now(connection) + timedelta(seconds=0.5)
            connection.execute(update(streams).values(due_at=soon))
        # It sees the time once, and then nobody has to tell it.
        work.workers.wake()
        await world.until(lambda: len(world.ended()) == len(work.keys), "the runs")
    assert {outcome for _, outcome in world.ended()} == {"complete"}


async def test_what_another_process_marks_is_found_at_the_next_look(world: WorkersWorld) -> None:
    async with world.working(due=False, poll_every=0.05) as work:
        world.mark(work.keys[0])
        await world.until(world.ended, "the run")
    assert world.ended() == [(work.keys[0], "complete")]


@ON_SQLITE
async def test_a_failing_stream_stops_no_other_and_comes_again(make_world: MakeWorkersWorld) -> None:
    world = make_world(integrations=2)
    world.environment.faults.add(Match(model="hris_groups"), faults.server_error(), None)
    async with world.working() as work:
        await world.until(lambda: len(world.ended()) == 6, "all runs")
    assert {(key.model, outcome) for key, outcome in world.ended()} == {
        ("hris_groups", "failed"),
        ("hris_locations", "complete"),
        ("hris_employees", "complete"),
    }
    again = {key: each.due_at is not None for key, each in world.mirror.streams().items()}
    assert again == {key: key.model == "hris_groups" for key in work.keys}


async def test_while_the_key_is_refused_nothing_runs_and_then_all_goes_on(world: WorkersWorld) -> None:
    health = KeyHealth()
    async with world.working(due=False, key_health=health) as work:
        health.report_refusal(KeyRefused())
        world.mark(*work.keys)
        for _ in range(3):
            work.workers.wake()
            await asyncio.sleep(0.05)
        assert (world.steps, world.mirror.leases()) == ([], [])
        health.report_acceptance()
        await world.until(lambda: {key for key, _ in world.ended()} == {*work.keys}, "all streams")


async def test_a_refused_key_is_reported_and_ends_no_service(world: WorkersWorld) -> None:
    health = KeyHealth()
    async with world.working(due=False, key_health=health) as work:
        world.environment.api_key = "another"
        with capture_logs() as logged:
            world.mark(*work.keys)
            work.workers.wake()
            await health.refused.wait()
            await world.until(lambda: not world.mirror.leases(), "the end of the runs under way")
        assert [each["event"] for each in logged].count("key_refused") == 1
        assert not work.app.stopping.is_set()


@ON_SQLITE
async def test_a_fault_of_ours_ends_the_service(world: WorkersWorld) -> None:
    async with world.working(due=False) as work:
        world.mark(work.keys[0])
        work.workers.wake()
        await world.until(world.ended, "a run that goes well")
        with world.mirror.open() as (_, connection):
            # No second run can be entered.
            connection.execute(text("CREATE UNIQUE INDEX one_run ON sync_runs (environment)"))
        world.mark(*work.keys)
        work.workers.wake()
        with pytest.raises(Exception, match=r"UNIQUE constraint failed: sync_runs|one_run"):
            await work.running
        assert work.app.stopping.is_set()


async def test_the_end_finishes_the_page_and_frees_the_streams(make_world: MakeWorkersWorld) -> None:
    world = make_world(kombo={"page_size": 1})
    async with world.working() as work:

        def end(asked: RequestInfo) -> None:
            # Each list has at least three.
            if asked.page == 2:
                work.app.stopping.set()

        world.environment.between_pages = end
        await work.running
        assert {outcome for _, outcome in world.ended()} == {"stopped"}
    assert world.mirror.leases() == []
    stored = {step.key.model: step.rows for step in world.steps if step.step == "page"}
    walked = {key.model: each.walk.rows for key, each in world.mirror.streams().items() if each.walk}
    assert walked == stored


@ON_SQLITE
async def test_a_run_that_waits_for_kombo_does_not_hold_up_the_end(world: WorkersWorld) -> None:
    silent = world.environment.faults.add(Match(model="hris_groups"), faults.Late(NEVER), None)
    async with world.working(grace=0.2) as work:
        await world.until(lambda: silent.fired and len(world.ended()) == 2, "silence")
        work.app.stopping.set()
        await work.running
    assert world.mirror.leases() == []
    [outcome] = world.mirror.fetch("SELECT outcome FROM sync_runs WHERE model = 'hris_groups'")
    assert outcome[0] == "stopped"


# What the server has ended the driver cannot close.
@pytest.mark.filterwarnings("ignore:.*was deleted while still open:ResourceWarning")
async def test_the_database_goes_away_and_comes_back(troubled: Troubled) -> None:
    # A lease that would keep everybody out for an hour: what was left behind is ours to take.
    world = WorkersWorld(
        make_environment(),
        Mirror(troubled.url),
        {"kombo": {"page_size": 2}, "sync": {"models": MODELS, "lease": "1h"}},
    )
    pause, attempts = 0.1, 0

    def attempt(begun: Connection | ExceptionContext) -> None:
        nonlocal attempts
        # A transaction, or a connection that did not come about.
        attempts += begun.connection is None or isinstance(begun, Connection)

    with capture_logs() as logged:
        async with world.working(poll_every=0.05, database_pause=pause) as work:
            await world.until(lambda: world.steps, "a run")
            with troubled.outage():
                await world.until(lambda: "database_unavailable" in events(logged), "the trouble")
                for name in ("handle_error", "begin"):
                    event.listen(work.app.database.engine, name, attempt)
                began = time.monotonic()
                await world.until(lambda: attempts >= 12, "more attempts")
                pauses, attempted = (time.monotonic() - began) / pause, attempts
            await world.until(lambda: world.mirror.is_complete(len(work.keys)), "the work")
    # For each pause at most a look and the beginning of a run, each on a connection made for it.
    assert attempted / 4 <= pauses + 2
    assert [each for each in events(logged) if each.startswith("database")] == [
        "database_unavailable",
        "database_back",
    ]
    world.mirror.assert_equals_source(world.environment, with_copies=True)
    assert world.mirror.leases() == []


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
async def test_a_trouble_of_one_stream_alone_is_said_once_and_the_others_go_on(world: WorkersWorld) -> None:
    def have_run(keys: list[StreamKey], times: int) -> bool:
        return all(len(world.ended(key)) >= times for key in keys)

    with world.mirror.open() as (_, connection):
        connection.exec_driver_sql(
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "RAISE EXCEPTION 'no space left on device' USING ERRCODE = 'disk_full'; END $$"
        )
        connection.exec_driver_sql(
            "CREATE TRIGGER full_disk BEFORE INSERT ON hris_employees EXECUTE FUNCTION full_disk()"
        )
    with capture_logs() as logged:
        async with world.working(poll_every=0.05, database_pause=0.01) as work:
            others = [key for key in work.keys if key.model != "hris_employees"]
            for times in range(1, 4):
                await world.until(partial(have_run, others, times), "the others")
                world.mark(*others)
            assert [each for each in events(logged) if each.startswith("database")] == [
                "database_unavailable"
            ]
            with world.mirror.open() as (_, connection):
                connection.exec_driver_sql("DROP FUNCTION full_disk CASCADE")
            await world.until(lambda: "database_back" in events(logged), "the end of it")
            await world.until(lambda: world.mirror.is_complete(len(work.keys)), "the work")
    assert [each for each in events(logged) if each.startswith("database")] == [
        "database_unavailable",
        "database_back",
    ]
    world.mirror.assert_equals_source(world.environment, with_copies=True)


def events(logged: list[MutableMapping[str, Any]]) -> list[str]:
    """The names of what was logged."""
    return [each["event"] for each in logged]


@ON_SQLITE
async def test_a_stream_that_is_running_is_not_taken_for_one_left_behind(world: WorkersWorld) -> None:
    def at_least(runs: int) -> bool:
        return len(world.ended()) >= runs

    async with world.working(due=False, poll_every=0.0) as work:
        # Looks follow each other without a pause while runs begin and end.
        wanted = 0
        for _ in range(5):
            world.mark(*work.keys)
            wanted += len(work.keys)
            await world.until(partial(at_least, wanted), "the runs")
    assert len(world.ended()) == 5 * len(work.keys)
    assert {outcome for _, outcome in world.ended()} == {"complete"}


async def test_old_runs_are_forgotten(world: WorkersWorld) -> None:
    async with world.working():
        await world.until(lambda: len(world.ended()) == len(MODELS), "the runs")
    with world.mirror.open() as (_, connection):
        connection.execute(text("UPDATE sync_runs SET ended_at = '2001-01-01T00:00:00.000000Z'"))
    async with world.working(due=False):
        await world.until(lambda: world.mirror.fetch("SELECT * FROM sync_runs") == [], "an empty log of runs")
