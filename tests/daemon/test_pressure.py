"""Intervals stretch where the budget is too small for all streams, and who falls behind is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from structlog.testing import capture_logs

from syncer.app import App
from syncer.config.settings import Settings
from syncer.daemon.pressure import LOOKS, LoadMonitor
from syncer.daemon.schedule import Schedule
from syncer.domain.environments import DEFAULT_ENVIRONMENT
from syncer.domain.fingerprint import key_fingerprint
from syncer.domain.ratelimit.budget import Budget
from syncer.domain.records.change import Counts
from syncer.domain.scheduling.intervals import FILL
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.state import Outcome
from syncer.domain.streams.stream import Kind
from syncer.store.schema.mirror_tables import streams
from syncer.store.state.budget import change_budget
from syncer.store.state.runs import begin_run, count_page, end_run
from tests.support.alone import alone
from tests.support.databases import ON_SQLITE
from tests.support.source import API_KEY

GROUPS = "hris_groups"
QUIET, BUSY = ([StreamKey(f"{kind}:{number}", GROUPS) for number in range(20)] for kind in ("quiet", "busy"))
QUARTER, DAY = timedelta(minutes=15), timedelta(days=1)
NOON = datetime(2031, 3, 9, 12, 0, tzinfo=UTC)


class Service:
    """Schedule and monitor on a database, at times of the test's choice."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.monitor = LoadMonitor(alone(app).capacity, app.database)
        every = {GROUPS: app.settings.sync.for_model(GROUPS).every}
        self.schedule = Schedule(
            app.database,
            alone(app).streams,
            every,
            clock=lambda: NOON,
            wake=lambda: None,
            monitor=self.monitor,
        )

    def know(self, keys: list[StreamKey], **values: object) -> None:
        with self.app.database.begin() as connection:
            for integration_id, _ in keys:
                connection.execute(
                    update(streams).where(streams.c.integration_id == integration_id).values(**values)
                )

    def limit(self, limit: int) -> None:
        """Kombo permits so many requests a minute."""
        with self.app.database.begin() as connection:
            now = self.app.database.now(connection)
            known = Budget(limit=limit, ends_at=now.timestamp(), confirmed=True)
            change_budget(
                connection,
                DEFAULT_ENVIRONMENT,
                key_fingerprint(API_KEY),
                timedelta(0),
                lambda *_: (known, None),
            )

    async def marked(self, ticks: int, first: datetime = NOON) -> Counter[StreamKey]:
        """How often each stream became due in so many ticks."""
        found: Counter[StreamKey] = Counter()
        for number in range(ticks):
            await self.schedule.tick(GROUPS, first + number * QUARTER)
            found.update(self.take())
        return found

    def take(self) -> list[StreamKey]:
        """What is due, and is not any more."""
        with self.app.database.begin() as connection:
            now = self.app.database.now(connection)
            due = alone(self.app).streams.due(connection, now, lambda _: False, 1_000)
            connection.execute(update(streams).values(due_at=None, due_purpose=None))
        return list(due)


@pytest.fixture
def service(migrated_url: str) -> Iterator[Callable[..., Service]]:
    """Forty streams that have been read: half of them never change, half of them do all the time."""
    apps: list[App] = []

    def make(**sync: object) -> Service:
        tables: dict[str, object] = {
            "kombo": {"api_key": API_KEY},
            "database": {"url": migrated_url},
            "sync": sync,
        }
        app = App(Settings.model_validate(tables))
        apps.append(app)
        with app.database.begin() as connection:
            alone(app).streams.add(connection, [*QUIET, *BUSY])
        made = Service(app)
        made.know([*QUIET, *BUSY], state="complete", last_full_walk_at=NOON)
        made.know(QUIET, changes=0.0, watched=10 * DAY.total_seconds())
        made.know(BUSY, changes=100.0, watched=DAY.total_seconds())
        return made

    yield make
    for app in apps:
        app.database.close()


async def test_where_not_all_fit_the_quiet_ones_are_asked_less_often(
    service: Callable[..., Service],
) -> None:
    world = service()
    # Forty streams in a quarter of an hour, and a question about the integration of each.
    world.limit(3)
    await world.monitor.look()
    assert world.monitor.stretch > 0
    marked = await world.marked(96)
    quiet, busy = ([marked[key] for key in keys] for keys in (QUIET, BUSY))
    assert min(busy) > 3 * max(quiet)
    assert min(quiet) >= 1
    # Each turn is a list and a question about its integration.
    assert sum(marked.values()) * 2 <= 3 * 24 * 60 * FILL * 1.1


@pytest.mark.parametrize("limit", [None, 300], ids=["limit unknown", "room enough"])
async def test_where_all_fit_nobody_loses_a_turn(service: Callable[..., Service], limit: int | None) -> None:
    world = service()
    if limit is not None:
        world.limit(limit)
    await world.monitor.look()
    assert set((await world.marked(8)).values()) == {8}


@pytest.mark.parametrize(
    "sync",
    [{"every": "*/15 8-18 * * *"}, {"every_max": "15m"}],
    ids=["cron expression", "every_max is every"],
)
async def test_what_is_not_to_be_stretched_is_not(
    service: Callable[..., Service], sync: dict[str, str]
) -> None:
    world = service(**sync)
    world.limit(2)
    await world.monitor.look()
    assert set((await world.marked(8)).values()) == {8}


async def test_nobody_is_asked_less_often_than_every_max(service: Callable[..., Service]) -> None:
    world = service(every_max="1h")
    world.limit(1)
    await world.monitor.look()
    assert set((await world.marked(1)).values()) == {1}
    for hour in range(3):
        marked = await world.marked(4, NOON + QUARTER + hour * 4 * QUARTER)
        assert set(marked) == {*QUIET, *BUSY}


@ON_SQLITE
async def test_a_stream_that_was_read_because_of_a_webhook_is_polled_an_interval_later(
    service: Callable[..., Service],
) -> None:
    world = service()
    world.limit(2)
    await world.monitor.look()
    polls = await world.marked(2 * 96)
    told, *others = (key for key in QUIET if 2 <= polls[key] <= 20)
    first = NOON + 2 * DAY
    for number in range(2 * 96):
        # Each tick it has just been told of, and read.
        world.know([told], pause_until=first + number * QUARTER)
        await world.schedule.tick(GROUPS, first + number * QUARTER)
        polls.subtract(world.take())
    assert polls[told] > 0
    assert all(polls[key] <= 1 for key in others)
    # It is polled as before once nothing is told any more.
    after = await world.marked(2 * 96, first + 2 * DAY)
    assert after[told] >= 2


async def test_what_webhooks_take_of_the_limit_is_not_spent_on_polls(
    service: Callable[..., Service],
) -> None:
    world = service()
    world.limit(4)
    await world.monitor.look()
    polls = (await world.marked(96)).total()
    with world.app.database.begin() as connection:
        now = world.app.database.now(connection)
        for number in range(60):
            key, run_id = QUIET[number % 20], f"run {number}"
            begin_run(connection, run_id, DEFAULT_ENVIRONMENT, key, "me", now)
            count_page(connection, run_id, Kind.INCREMENTAL, Counts())
            end_run(connection, run_id, Outcome.COMPLETE, None, now, told_at=now)
    again = Service(world.app)
    await again.monitor.look()
    assert again.monitor.stretch > world.monitor.stretch
    fewer = (await again.marked(96, NOON + DAY)).total()
    # One request of four a minute went to the lists that webhooks told of.
    assert 0.5 * polls < fewer < 0.9 * polls


async def test_a_restart_makes_up_once_for_the_turns_of_quiet_streams(
    service: Callable[..., Service],
) -> None:
    world = service()
    world.limit(4)
    await world.monitor.look()
    await world.marked(2)
    again = Service(world.app)
    await again.monitor.look()
    assert again.monitor.stretch == world.monitor.stretch
    late = NOON + 2 * DAY
    assert set((await again.marked(1, late)).values()) == {1}
    assert len(await Service(world.app).marked(1, late)) == 0


async def test_falling_behind_and_catching_up_are_told_once_each(service: Callable[..., Service]) -> None:
    world = service(every_max="15m")
    world.limit(4)
    with capture_logs() as logged:
        await world.monitor.look()
        assert logged == []
        with world.app.database.begin() as connection:
            now = world.app.database.now(connection)
        world.know(BUSY, due_at=now - 2 * QUARTER, due_purpose=2)
        # These have not waited for as long as their interval.
        world.know(QUIET[:5], due_at=now - QUARTER / 2, due_purpose=2)
        # And this one has never been read.
        world.know(QUIET[5:6], due_at=now - DAY, due_purpose=2, last_full_walk_at=None)
        for _ in range(3):
            await world.monitor.look()
        world.take()
        for _ in range(LOOKS):
            await world.monitor.look()
    fell, caught = logged
    assert (fell["event"], fell["log_level"]) == ("fell_behind", "warning")
    assert fell["streams"] == len(BUSY)
    assert fell["longest_seconds"] == pytest.approx(1_800, abs=30)
    assert (fell["needs_a_minute"], fell["permits_a_minute"]) == (5, 4)
    assert (caught["event"], caught["log_level"]) == ("caught_up", "info")
