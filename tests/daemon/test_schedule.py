"""When streams become due: in turn, once each round, across restarts, and with several services."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, update
from structlog.testing import capture_logs

from syncer.daemon.schedule import Schedule, make_scheduler
from syncer.daemon.ticks import JITTER_SHARE, ROUNDING, goes_on, is_due, trigger_of, twice
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.state import Outcome, StreamState
from syncer.store.db.database import Database
from syncer.store.schema.mirror_tables import streams
from syncer.store.state.streams import StreamStore
from tests.support.databases import migrated_database
from tests.support.outages import Troubled
from tests.support.waiting import PATIENCE
from tests.support.workers import WorkersWorld

GROUPS, USERS = "hris_groups", "lms_users"
KEYS = [StreamKey("personio:1", GROUPS), StreamKey("hibob:2", GROUPS), StreamKey("personio:1", USERS)]
NOON = datetime(2031, 3, 9, 12, 0, tzinfo=UTC)
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)


@dataclass
class Rounds:
    """A schedule on a database at a time of the test's choice, and how often it woke the workers.

    now: the time that all hosts share; apart: how far the clock of the schedule's host is ahead of it.
    """

    database: Database
    every: Mapping[str, timedelta | str]
    now: datetime = NOON
    store: StreamStore = field(default_factory=StreamStore)
    woken: int = 0
    apart: timedelta = timedelta(0)
    elapsed: float = 0.0

    def schedule(self, scheduler: AsyncIOScheduler | None = None) -> Schedule:
        """The schedule of a service that starts now."""
        return Schedule(
            self.database,
            self.store,
            self.every,
            clock=lambda: self.now + self.apart,
            wake=self._wake,
            shared_clock=lambda _: self.now,
            scheduler=scheduler or make_scheduler(),
            monotonic=lambda: self.elapsed,
            compare_clocks_every=0.02,
        )

    def _wake(self) -> None:
        self.woken += 1

    @asynccontextmanager
    async def running(self) -> AsyncIterator[AsyncIOScheduler]:
        """The scheduler of a schedule that runs, by this machine's clock."""
        scheduler, stopping = make_scheduler(), asyncio.Event()
        running = asyncio.create_task(self.schedule(scheduler).run(stopping))
        try:
            await WorkersWorld.until(lambda: scheduler.running, "the scheduler")
            yield scheduler
        finally:
            stopping.set()
            await running

    def due(self) -> list[StreamKey]:
        """What is due."""
        with self.database.begin() as connection:
            found = [each.key for each in self.store.all(connection) if each.due_at is not None]
        return sorted(found, key=KEYS.index)

    def take(self) -> list[StreamKey]:
        """What is due; it is not any more, as if it had been run."""
        with self.database.begin() as connection:
            found = [each.key for each in self.store.all(connection) if each.due_at is not None]
            connection.execute(update(streams).values(due_at=None, due_purpose=None))
        return sorted(found, key=KEYS.index)

    def last(self, model: str = GROUPS) -> set[datetime | None]:
        """The ticks that last made the model's streams due."""
        with self.database.begin() as connection:
            return {turn.scheduled_at for turn in self.store.scheduled(connection, model)}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """One database of each kind for all tests here: they need nothing but a few streams."""
    with migrated_database(request, request.param, tmp_path_factory.mktemp("schedule")) as url:
        database = Database(url)
        yield database
        database.close()


def rounds_on(database: Database, every: timedelta | str, others: Mapping[str, timedelta | str]) -> Rounds:
    """Three streams of two models that no schedule has seen yet."""
    rounds = Rounds(database, {GROUPS: every, USERS: every, **others})
    with database.begin() as connection:
        connection.execute(delete(streams))
        rounds.store.add(connection, KEYS)
    return rounds


@pytest.fixture
def rounds(shared: Database) -> Callable[..., Rounds]:
    """Three streams on both kinds of database; the interval, and those of other models by name."""
    return lambda every=HOUR, **others: rounds_on(shared, every, others)


EVERY = pytest.mark.parametrize("every", [HOUR, "0 * * * *"], ids=["interval", "cron"])


@EVERY
async def test_at_the_first_start_everything_is_due(
    rounds: Callable[..., Rounds], every: timedelta | str
) -> None:
    world = rounds(every)
    await world.schedule().catch_up()
    assert world.take() == KEYS
    assert world.woken > 0


async def test_a_tick_that_another_service_has_been_through_wakes_the_workers_all_the_same(
    rounds: Callable[..., Rounds],
) -> None:
    world = rounds()
    await world.schedule().tick(GROUPS, NOON)
    marked = world.due()
    world.woken = 0
    # Nobody else tells of what is left, as behind a pooler.
    await world.schedule().tick(GROUPS, NOON)
    assert (world.due(), world.woken) == (marked, 1)


@EVERY
async def test_a_restart_runs_nothing_that_is_not_due(
    rounds: Callable[..., Rounds], every: timedelta | str
) -> None:
    world = rounds(every)
    await world.schedule().catch_up()
    world.take()
    for minutes in (0, 1, 59):
        world.now = NOON + minutes * MINUTE
        await world.schedule().catch_up()
        assert world.take() == []
    assert world.last() == {NOON}


@EVERY
async def test_what_was_missed_is_made_up_for_once(
    rounds: Callable[..., Rounds], every: timedelta | str
) -> None:
    world = rounds(every)
    await world.schedule().catch_up()
    world.take()
    world.now = NOON + 5 * HOUR + 20 * MINUTE
    await world.schedule().catch_up()
    assert world.take() == KEYS
    world.now += MINUTE
    await world.schedule().catch_up()
    assert world.take() == []


async def test_a_cron_schedule_keeps_its_times_whatever_a_restart_made_up_for(
    rounds: Callable[..., Rounds],
) -> None:
    world = rounds("0 3 * * *")
    await world.schedule().catch_up()
    world.take()
    three = NOON.replace(hour=3) + timedelta(days=1)
    schedule = world.schedule()
    await schedule.tick(GROUPS, three - MINUTE)
    assert world.take() == []
    await schedule.tick(GROUPS, three)
    assert world.take() == KEYS[:2]


async def test_an_interval_goes_on_from_where_the_last_service_left_it(rounds: Callable[..., Rounds]) -> None:
    world = rounds(HOUR)
    await world.schedule().catch_up()
    world.now = NOON + 40 * MINUTE
    async with world.running() as scheduler:
        job = scheduler.get_job(GROUPS)
    # This machine's clock is not the one of the test: what counts is the trigger.
    assert job.trigger.start_date == NOON + HOUR


async def test_each_model_has_a_job_of_its_own_that_loses_no_tick(rounds: Callable[..., Rounds]) -> None:
    world = rounds(HOUR, **{USERS: "30 4 * * *"})
    async with world.running() as scheduler:
        jobs = {job.id: job for job in scheduler.get_jobs()}
    assert {GROUPS, USERS} <= jobs.keys()
    for model in (GROUPS, USERS):
        assert (jobs[model].coalesce, jobs[model].max_instances) == (True, 1)
        assert jobs[model].misfire_grace_time is None
    assert jobs[GROUPS].trigger.interval == HOUR
    assert jobs[GROUPS].trigger.jitter == 30
    assert str(jobs[USERS].trigger) == "cron[month='*', day='*', day_of_week='*', hour='4', minute='30']"


@pytest.mark.parametrize("late", [SECOND, 20 * MINUTE, 5 * HOUR])
async def test_a_late_tick_comes_all_the_same_and_counts_for_the_time_it_was_meant_for(
    rounds: Callable[..., Rounds], late: timedelta
) -> None:
    world = rounds(HOUR)
    async with world.running() as scheduler:
        meant = datetime.now(UTC) - late
        with world.database.begin() as connection:
            connection.execute(update(streams).values(due_at=None, scheduled_at=meant - HOUR))
        scheduler.get_job(GROUPS).modify(next_run_time=meant)
        await WorkersWorld.until(lambda: world.last() != {meant - HOUR}, "the tick")
    [counted] = filter(None, world.last())
    # What a delay of hours has left out is made up for by one tick, the latest of them.
    assert counted == meant if late < HOUR else timedelta(0) < datetime.now(UTC) - counted < HOUR
    assert world.take() == KEYS[:2]


@given(every=st.integers(1, 86_400), ago=st.integers(-3_600, 10**6))
def test_an_interval_keeps_its_times_however_long_ago_its_last_tick_was(every: int, ago: int) -> None:
    last = NOON - ago * SECOND
    tick = goes_on(every * SECOND, last, NOON)
    assert (tick - last) % (every * SECOND) == timedelta(0)
    assert tick > last
    assert tick >= NOON
    assert tick - every * SECOND <= max(last, NOON)


@given(
    every=st.floats(1, 7 * 86_400).map(lambda seconds: timedelta(seconds=round(seconds, 3))),
    first=st.floats(0, 1e6),
    seed=st.integers(),
)
def test_every_tick_of_an_interval_finds_its_streams_due_again(
    every: timedelta, first: float, seed: int
) -> None:
    last: datetime | None = None
    for tick in ticks(every, NOON + timedelta(seconds=first), seed, 20):
        assert is_due(every, last, tick)
        last = tick


@given(
    every=st.integers(1, 86_400).map(lambda seconds: timedelta(seconds=seconds)),
    apart=st.floats(0, 1),
    seed=st.integers(),
)
def test_two_services_tick_without_doubling_the_work(every: timedelta, apart: float, seed: int) -> None:
    one, other = ticks(every, NOON, seed, 20), ticks(every, NOON + apart * every, seed + 1, 20)
    marked: list[datetime] = []
    # As long as both of them tick.
    for tick in sorted(tick for tick in (*one, *other) if tick <= min(one[-1], other[-1])):
        if is_due(every, marked[-1] if marked else None, tick):
            marked.append(tick)
    gaps = [after - before for before, after in pairwise(marked)]
    assert min(gaps) >= every - ROUNDING
    # Nor do they keep each other from it.
    assert max(gaps) <= every * (1 + JITTER_SHARE) + ROUNDING


@pytest.mark.parametrize(
    ("every", "now", "length"),
    [
        (timedelta(minutes=15), NOON, timedelta(minutes=30)),
        ("0 3 * * *", NOON, timedelta(hours=33)),
        ("*/10 * * * *", NOON, timedelta(minutes=10)),
        # A Sunday: nothing was due since Friday evening.
        ("*/15 9-17 * * mon-fri", NOON, timedelta(days=1, hours=18, minutes=30)),
        ("0 0 29 2 *", NOON, NOON - datetime(2024, 2, 29, tzinfo=UTC)),
    ],
)
def test_two_intervals_of_a_cron_expression_reach_back_to_its_last_tick_but_one(
    every: timedelta | str, now: datetime, length: timedelta
) -> None:
    assert twice(every, now) == length


def ticks(every: timedelta, first: datetime, seed: int, count: int) -> list[datetime]:
    """The times that the library gives an interval's ticks, with this chance."""
    before = random.getstate()
    random.seed(seed)
    trigger, found = trigger_of(every, first), list[datetime]()
    for _ in range(count):
        found.append(trigger.get_next_fire_time(found[-1] if found else None, first))
    random.setstate(before)
    return found


@pytest.mark.parametrize(
    "outcome", [Outcome.FAILED, Outcome.WAITING, Outcome.GONE, Outcome.UNAVAILABLE], ids=str
)
async def test_a_stream_with_a_time_of_its_own_is_not_hurried(
    rounds: Callable[..., Rounds], outcome: Outcome
) -> None:
    world = rounds(HOUR)
    schedule = world.schedule()
    await schedule.catch_up()
    world.take()
    with world.database.begin() as connection:
        later = world.database.now(connection) + 3 * HOUR
        connection.execute(
            update(streams).where(streams.c.integration_id == "hibob:2").values(due_at=later, state=outcome)
        )
    await schedule.tick(GROUPS, NOON + HOUR)
    with world.database.begin() as connection:
        times = {each.integration_id: each.due_at for each in world.store.all(connection) if each.due_at}
    assert times["hibob:2"] == later
    assert times["personio:1"] < later
    assert world.last() == {NOON + HOUR}


async def test_a_stream_that_is_marked_while_it_runs_runs_again(rounds: Callable[..., Rounds]) -> None:
    world = rounds(HOUR)
    schedule, key = world.schedule(), KEYS[0]
    await schedule.catch_up()
    world.take()
    with world.database.begin() as connection:
        now = world.database.now(connection)
        lease = world.store.claim(connection, key, owner="a", now=now, length=HOUR, is_dead=lambda _: False)
    assert lease is not None
    await schedule.tick(GROUPS, NOON + HOUR)
    with world.database.begin() as connection:
        world.store.release(
            connection,
            lease,
            state=StreamState.COMPLETE,
            outcome=Outcome.COMPLETE,
            error=None,
            failures=0,
            now=now,
            due_at=None,
        )
        due = world.store.due(connection, now + MINUTE, lambda _: False, 10)
    assert key in due


async def test_a_stream_that_comes_later_keeps_the_round_of_the_others(rounds: Callable[..., Rounds]) -> None:
    world = rounds(HOUR)
    schedule, newcomer = world.schedule(), StreamKey("workday:3", GROUPS)
    await schedule.catch_up()
    world.take()
    with world.database.begin() as connection:
        world.store.add(connection, [newcomer])
    await schedule.repeat(GROUPS)
    with world.database.begin() as connection:
        due = [each.integration_id for each in world.store.all(connection) if each.due_at]
        connection.execute(update(streams).values(due_at=None))
    assert due == ["workday:3"]
    assert world.last() == {NOON}


async def test_a_mark_by_a_clock_that_was_wrong_does_not_stop_the_schedule(
    rounds: Callable[..., Rounds],
) -> None:
    world = rounds(HOUR)
    world.now = NOON + timedelta(days=365)
    await world.schedule().catch_up()
    world.take()
    world.now = NOON
    await world.schedule().catch_up()
    assert world.take() == KEYS
    assert world.last() == {NOON}


@EVERY
@pytest.mark.parametrize(
    "step", [-10 * MINUTE, -25 * HOUR, timedelta(days=-3652), 90 * MINUTE, timedelta(days=3652)], ids=str
)
async def test_a_clock_that_is_set_under_the_service_is_noticed_and_the_schedule_made_anew(
    rounds: Callable[..., Rounds], every: timedelta | str, step: timedelta
) -> None:
    world = rounds(every)
    with capture_logs() as logged:
        async with world.running() as scheduler:
            await WorkersWorld.until(lambda: world.due() == KEYS, "the first tick")
            world.take()
            before = {job.id for job in scheduler.get_jobs()}
            world.now, world.elapsed = world.now + step + MINUTE, 60.0
            await WorkersWorld.until(lambda: world.due() == KEYS, "the tick of the new time")
            assert world.last() == {world.now}
            await WorkersWorld.until(lambda: {job.id for job in scheduler.get_jobs()} == before, "the jobs")
            if every == HOUR:
                assert scheduler.get_job(GROUPS).trigger.start_date == world.now + HOUR
    assert [(each["event"], each["seconds"]) for each in logged] == [("clock_set", step.total_seconds())]


@EVERY
@pytest.mark.parametrize("apart", [3 * HOUR, -3 * HOUR], ids=str)
async def test_hosts_whose_clocks_are_hours_apart_tick_at_the_same_times(
    rounds: Callable[..., Rounds], every: timedelta | str, apart: timedelta
) -> None:
    world = rounds(every)
    async with world.running():
        await WorkersWorld.until(lambda: world.take() == KEYS, "the first tick")
    assert world.last() == {NOON}
    world.now, world.apart = NOON + 20 * MINUTE, apart
    async with world.running() as scheduler:
        # By the clock of its host, by which the scheduler waits.
        trigger, host_now = scheduler.get_job(GROUPS).trigger, world.now + apart
        assert trigger.get_next_fire_time(None, host_now) - apart - NOON < HOUR + MINUTE
        assert world.take() == []
    assert world.last() == {NOON}


async def test_a_tick_counts_for_the_time_that_all_hosts_share(rounds: Callable[..., Rounds]) -> None:
    world = rounds(HOUR)
    world.apart = datetime.now(UTC) - NOON
    async with world.running() as scheduler:
        await WorkersWorld.until(lambda: world.take() == KEYS, "the first tick")
        with world.database.begin() as connection:
            connection.execute(update(streams).values(scheduled_at=NOON - HOUR))
        meant = datetime.now(UTC)
        scheduler.get_job(GROUPS).modify(next_run_time=meant)
        await WorkersWorld.until(lambda: world.last() != {NOON - HOUR}, "the tick")
    assert max(filter(None, world.last())) == meant - world.apart


async def test_a_shared_clock_that_is_set_is_noticed_by_the_next_tick(rounds: Callable[..., Rounds]) -> None:
    world = rounds(HOUR)
    with capture_logs() as logged:
        async with world.running() as scheduler:
            await WorkersWorld.until(lambda: world.take() == KEYS, "the first tick")
            world.now, world.apart = NOON + 3 * HOUR, -3 * HOUR
            scheduler.get_job(USERS).modify(next_run_time=datetime.now(UTC))
            await WorkersWorld.until(lambda: set(world.due()) == set(KEYS), "the ticks of the new time")
    assert [(each["event"], each["seconds"]) for each in logged] == [("clock_set", -3 * 3_600)]


async def test_time_that_passes_by_both_clocks_is_no_step(rounds: Callable[..., Rounds]) -> None:
    world = rounds(HOUR)
    with capture_logs() as logged:
        async with world.running():
            await WorkersWorld.until(lambda: world.due() == KEYS, "the first tick")
            for _ in range(5):
                world.now, world.elapsed = world.now + 20 * MINUTE - 3 * SECOND, world.elapsed + 1_200
                await asyncio.sleep(0.05)
    assert logged == []


async def test_another_services_clock_may_be_minutes_ahead(rounds: Callable[..., Rounds]) -> None:
    world = rounds(HOUR)
    world.now = NOON + 4 * MINUTE
    await world.schedule().catch_up()
    world.take()
    world.now = NOON
    await world.schedule().catch_up()
    assert world.take() == []


# What the server has ended the driver cannot close.
@pytest.mark.filterwarnings("ignore:.*was deleted while still open:ResourceWarning")
async def test_trouble_of_the_database_is_told_once_and_the_tick_made_up(
    troubled: Troubled,
) -> None:
    database = Database(troubled.url)
    world = rounds_on(database, HOUR, {})
    schedule = world.schedule()
    await schedule.catch_up()
    world.take()
    with capture_logs() as logged:
        with troubled.outage():
            for hour in (1, 2):
                for model in (GROUPS, USERS):
                    await schedule.tick(model, NOON + hour * HOUR)
                await schedule.make_up()
        assert world.take() == []
        await schedule.make_up()
    assert world.take() == KEYS
    assert [each["event"] for each in logged] == ["database_unavailable", "database_back"]
    assert world.last() == {NOON + 2 * HOUR}
    database.close()


async def test_a_job_that_fails_ends_the_schedule(rounds: Callable[..., Rounds]) -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await rounds(HOUR).schedule().run(asyncio.Event(), failing=(60.0, fail))


async def test_work_besides_is_done_at_once_and_again(rounds: Callable[..., Rounds]) -> None:
    done, stopping = 0, asyncio.Event()

    async def work() -> None:
        nonlocal done
        done += 1
        if done == 3:
            stopping.set()

    await rounds(HOUR).schedule().run(stopping, counting=(0.05, work))
    assert done == 3


async def test_the_end_does_not_wait_for_work_that_hangs(rounds: Callable[..., Rounds]) -> None:
    stopping = asyncio.Event()

    async def hang() -> None:
        stopping.set()
        await asyncio.Event().wait()

    with capture_logs() as logged:
        async with asyncio.timeout(PATIENCE):
            await rounds(HOUR).schedule().run(stopping, hanging=(60.0, hang))
    assert logged == []
