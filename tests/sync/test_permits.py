"""The queue on a real budget row, in time that passes only when the test lets it."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta

import pytest
from sqlalchemy import event, text

from syncer.domain.errors import DatabaseUnavailable
from syncer.domain.ratelimit.ahead import HELD_FOR, MOST
from syncer.domain.ratelimit.budget import Budget, Permit, Purpose, Rate, Reserve
from syncer.store.db.database import Database
from syncer.store.state.budget import change_budget, read_budget
from syncer.sync.permits import LOOK_AGAIN, SHORTLY, PermitQueue
from tests.support.waiting import PATIENCE, until_async

FULL = Purpose.FULL


class Time:
    """The clocks of database and queues, and their sleep: a nap ends when the test says so."""

    def __init__(self, *databases: Database) -> None:
        self._databases = databases
        self._passed = 0.0
        self._naps: asyncio.Queue[tuple[float, asyncio.Future[None]]] = asyncio.Queue()

    def clock(self) -> float:
        return self._passed

    def elapse(self, seconds: float) -> None:
        """Let so much time pass while nobody sleeps it through."""
        for database in self._databases:
            database.clock_offset += timedelta(seconds=seconds)
        self._passed += seconds

    async def sleep(self, seconds: float) -> None:
        nap: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._naps.put_nowait((seconds, nap))
        await nap

    async def next_nap(self) -> tuple[float, asyncio.Future[None]]:
        """What somebody sleeps for, once somebody does."""
        async with asyncio.timeout(PATIENCE):
            while True:
                seconds, nap = await self._naps.get()
                if not nap.done():
                    return seconds, nap

    async def passes(self, seconds: float) -> None:
        """Let so much time pass over one nap."""
        _, nap = await self.next_nap()
        self.elapse(seconds)
        nap.set_result(None)


def queue_of(database: Database, time: Time, *, reserve: int = 0, owner: str = "one") -> PermitQueue:
    return PermitQueue(
        database, "default", "key", Reserve(count=reserve), time.sleep, time.clock, owner=owner
    )


def set_window(database: Database, *, limit: int = 20, used: int = 20) -> None:
    """An open window that ends in a minute."""

    def decide(_: Budget, now: float) -> tuple[Budget, None]:
        return (
            Budget(
                limit=limit, used=used, sent=used, ends_at=now + 60, earliest_end=now + 59, confirmed=True
            ),
            None,
        )

    with database.begin() as connection:
        change_budget(connection, "default", "key", database.clock_offset, decide)


def standing(database: Database) -> Budget:
    with database.read() as connection:
        budget = read_budget(connection, "default", "key")
    assert budget is not None
    return budget


async def one(waiting: asyncio.Future[Permit]) -> Permit:
    async with asyncio.timeout(PATIENCE):
        return await waiting


async def nobody_asks_any_more(before: set[asyncio.Task[object]]) -> None:
    """The queue's task ends by itself."""
    async with asyncio.timeout(PATIENCE):
        await asyncio.wait([*(asyncio.all_tasks() - before), asyncio.ensure_future(asyncio.sleep(0))])


async def test_integrations_take_turns_however_many_requests_each_has_waiting(database: Database) -> None:
    time, served = Time(database), list[str]()
    queue = queue_of(database, time)
    set_window(database)

    async def request(integration: str) -> None:
        permit = await queue.permit(FULL, integration, "hris_employees")
        served.append(integration)
        queue.answered(permit, Rate(20, 19, 60))

    requests = [asyncio.create_task(request("large")) for _ in range(8)]
    requests.append(asyncio.create_task(request("small")))
    await time.passes(60)
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*requests)
    assert served == ["large", "small", *["large"] * 7]


async def test_while_requests_wait_for_the_limit_it_is_told_for_how_long(database: Database) -> None:
    time, told = Time(database), list[float]()
    queue = PermitQueue(
        database, "default", "key", Reserve(count=0), time.sleep, time.clock, owner="one", on_wait=told.append
    )
    set_window(database)
    waiting = asyncio.create_task(queue.permit(FULL, "a", None))
    await time.passes(60)
    await one(waiting)
    assert [round(seconds, -1) for seconds in told] == [60]


async def test_one_transaction_takes_all_that_can_be_had(database: Database) -> None:
    queue = queue_of(database, Time(database))
    set_window(database, used=15)
    locks: list[str] = []
    event.listen(
        database.engine,
        "before_cursor_execute",
        lambda *args: locks.append(args[2]) if "SELECT" in args[2] else None,
    )
    async with asyncio.timeout(PATIENCE):
        permits = await asyncio.gather(*[queue.permit(FULL, "a", f"model {each}") for each in range(5)])
    assert len(permits) == 5
    assert len([each for each in locks if "sync_budgets" in each]) == 1
    assert standing(database).in_flight == 5


async def test_an_answer_and_the_request_that_follows_it_are_one_transaction(database: Database) -> None:
    queue = queue_of(database, Time(database))
    set_window(database, used=13)
    commits: list[None] = []
    event.listen(database.engine, "commit", lambda _: commits.append(None))
    async with asyncio.timeout(PATIENCE):
        for _ in range(3):
            permit = await queue.permit(FULL, "a", None)
            queue.answered(permit, Rate(20, 7, 60))
    assert len(commits) == 3
    assert standing(database).in_flight == 1


async def test_an_answer_that_nothing_follows_is_told_all_the_same(database: Database) -> None:
    time = Time(database)
    set_window(database, used=13)
    queue = queue_of(database, time)
    before = asyncio.all_tasks()
    queue.answered(await queue.permit(FULL, "a", None), Rate(20, 5, 60))
    await time.passes(SHORTLY)
    await nobody_asks_any_more(before)
    assert (standing(database).used, standing(database).in_flight) == (15, 0)


async def test_a_gate_that_is_closed_has_told_all_answers(database: Database) -> None:
    queue = queue_of(database, Time(database))
    set_window(database, used=0)
    queue.answered(await queue.permit(FULL, "a", None), Rate(20, 10, 60))
    async with asyncio.timeout(PATIENCE):
        await queue.aclose()
    assert standing(database).in_flight == 0


async def test_an_answer_that_could_not_be_told_is_told_with_the_next_permit(database: Database) -> None:
    queue = queue_of(database, Time(database))
    set_window(database, used=0)
    permit = await queue.permit(FULL, "a", None)
    with database.begin() as connection:
        connection.execute(text("ALTER TABLE sync_budgets RENAME TO elsewhere"))
    queue.answered(permit, Rate(20, 10, 60))
    await queue.aclose()
    with database.begin() as connection:
        connection.execute(text("ALTER TABLE elsewhere RENAME TO sync_budgets"))
    async with asyncio.timeout(PATIENCE):
        await queue.permit(FULL, "a", None)
    assert standing(database).in_flight == 1


async def test_an_answer_wakes_those_who_wait_for_it(database: Database) -> None:
    """Nothing is known of the limit: one goes, the others wait for what it learns. No time passes."""
    queue = queue_of(database, Time(database))
    async with asyncio.timeout(PATIENCE):
        first = await queue.permit(FULL, "a", None)
        others = [asyncio.create_task(queue.permit(FULL, "a", None)) for _ in range(3)]
        queue.answered(first, Rate(20, 19, 60))
        await asyncio.gather(*others)


async def test_a_write_is_admitted_at_once_while_reads_wait(database: Database) -> None:
    time = Time(database)
    queue = queue_of(database, time, reserve=2)
    set_window(database, used=18)
    read = asyncio.create_task(queue.permit(Purpose.INCREMENTAL, "a", None))
    seconds, nap = await time.next_nap()
    assert seconds == LOOK_AGAIN
    async with asyncio.timeout(PATIENCE):
        for _ in range(2):
            permit = await queue.permit(Purpose.WRITE, "b", None)
            assert permit.purpose is Purpose.WRITE
    assert not nap.done() or nap.cancelled()
    assert not read.done()
    read.cancel()


async def test_a_write_waits_for_no_thread_that_pages_are_written_on(migrated_url: str) -> None:
    database, free = Database(migrated_url, workers=1), threading.Event()
    queue = queue_of(database, Time(database), reserve=2)
    set_window(database, used=0, limit=7)
    busy = asyncio.create_task(database.ask(lambda _: free.wait(PATIENCE)))
    read = asyncio.create_task(queue.permit(FULL, "a", None))
    await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE):
        # Beside the transaction that waits for the thread, and as its own.
        assert (await queue.permit(Purpose.WRITE, "b", None)).purpose is Purpose.WRITE
        assert not read.done()
        free.set()
        assert (await read).purpose is FULL
        await busy
        budget = standing(database)
    assert (budget.sent, budget.in_flight, budget.waiting) == (2, 2, ())
    database.close()


async def test_the_permit_of_a_write_that_nobody_waits_for_is_spent(migrated_url: str) -> None:
    database, free = Database(migrated_url, workers=1), threading.Event()
    queue = queue_of(database, Time(database), reserve=2)
    set_window(database, used=0, limit=7)
    busy = asyncio.create_task(database.ask(lambda _: free.wait(PATIENCE)))
    read = asyncio.create_task(queue.permit(FULL, "a", None))
    await asyncio.sleep(0)
    write = asyncio.create_task(queue.permit(Purpose.WRITE, "b", None))
    await asyncio.sleep(0)
    write.cancel()
    with pytest.raises(asyncio.CancelledError):
        await write
    free.set()
    await one(read)
    await busy
    await queue.aclose()
    # It is spent, since a read may not use the reserve, and not in flight.
    await until_async(
        lambda: (standing(database).sent, standing(database).in_flight) == (2, 1), "the permit of the write"
    )
    await queue.aclose()
    database.close()


async def test_what_an_application_waits_for_goes_before_others_of_its_purpose(database: Database) -> None:
    time, served = Time(database), list[str]()
    queue = queue_of(database, time)
    set_window(database)

    async def request(integration: str, *, first: bool) -> None:
        permit = await queue.permit(FULL, integration, None, first=first)
        served.append(integration)
        queue.answered(permit, Rate(20, 19, 60))

    requests = [asyncio.create_task(request("schedule", first=False)) for _ in range(3)]
    requests.append(asyncio.create_task(request("application", first=True)))
    await time.passes(60)
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*requests)
    assert served[0] == "application"


async def test_what_waits_in_another_process_and_is_more_urgent_goes_first(migrated_url: str) -> None:
    here, there = Database(migrated_url), Database(migrated_url)
    times = Time(here, there), Time(here, there)
    queues = [
        queue_of(database, time, owner=owner)
        for database, time, owner in zip((here, there), times, ("one", "two"), strict=True)
    ]
    set_window(here)
    write = asyncio.create_task(queues[0].permit(Purpose.WRITE, "a", None))
    _, nap = await times[0].next_nap()
    read = asyncio.create_task(queues[1].permit(FULL, "a", None))
    # The window has turned, and the write's process has not noticed.
    await times[1].passes(60)
    _, standing_back = await times[1].next_nap()
    assert not read.done()
    nap.set_result(None)
    permit = await one(write)
    queues[0].answered(permit, Rate(20, 19, 60))
    await queues[0].aclose()
    standing_back.set_result(None)
    assert (await one(read)).window == permit.window
    here.close()
    there.close()


async def test_who_is_cancelled_while_waiting_takes_nothing(database: Database) -> None:
    time = Time(database)
    queue = queue_of(database, time)
    set_window(database)
    before = asyncio.all_tasks()
    waiting = [asyncio.create_task(queue.permit(FULL, "a", None)) for _ in range(3)]
    await time.next_nap()
    for each in waiting:
        each.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    await nobody_asks_any_more(before)
    assert standing(database).sent == 20


@pytest.mark.parametrize("others", [0, 1])
async def test_a_permit_for_somebody_who_is_gone_is_the_next_ones_or_spent(
    database: Database, others: int
) -> None:
    queue = queue_of(database, Time(database))
    set_window(database, used=19)
    before = asyncio.all_tasks()
    leaving = asyncio.create_task(queue.permit(FULL, "a", None))
    waiting = [asyncio.create_task(queue.permit(FULL, "b", None)) for _ in range(others)]

    def leave() -> None:
        # Right after the transaction that took the permit, before the request hears of it.
        loop.call_soon_threadsafe(leaving.cancel)

    loop = asyncio.get_running_loop()
    event.listen(database.engine, "commit", lambda _: leave(), once=True)
    with pytest.raises(asyncio.CancelledError):
        await leaving
    for each in waiting:
        assert (await one(each)).window == 0
    await queue.aclose()
    await nobody_asks_any_more(before | set(waiting))
    budget = standing(database)
    assert (budget.used, budget.in_flight) == (20, others)


async def test_a_permit_granted_to_somebody_who_is_being_cancelled_goes_to_the_next(
    database: Database,
) -> None:
    queue = queue_of(database, Time(database))
    set_window(database, used=18)
    before = asyncio.all_tasks()

    async def first() -> Permit:
        permit = await queue.permit(FULL, "a", None)
        # The other one has its permit, too, and has not heard of it.
        leaving.cancel()
        return permit

    granted = asyncio.create_task(first())
    leaving = asyncio.create_task(queue.permit(FULL, "b", None))
    waiting = asyncio.create_task(queue.permit(FULL, "c", None))
    assert {(await one(granted)).window, (await one(waiting)).window} == {0}
    assert leaving.cancelled()
    await queue.aclose()
    await nobody_asks_any_more(before)
    budget = standing(database)
    assert (budget.used, budget.in_flight) == (20, 2)


async def test_all_who_wait_hear_that_the_database_cannot_be_used_and_later_ones_ask_anew(
    database: Database,
) -> None:
    queue = queue_of(database, Time(database))
    set_window(database, used=0)
    with database.begin() as connection:
        connection.execute(text("ALTER TABLE sync_budgets RENAME TO elsewhere"))
    asked = await asyncio.gather(*[queue.permit(FULL, "a", None) for _ in range(3)], return_exceptions=True)
    assert all(isinstance(each, DatabaseUnavailable) for each in asked)
    with database.begin() as connection:
        connection.execute(text("ALTER TABLE elsewhere RENAME TO sync_budgets"))
    async with asyncio.timeout(PATIENCE):
        await queue.permit(FULL, "a", None)


async def test_status_is_told_who_waits(database: Database) -> None:
    time = Time(database)
    queue = queue_of(database, time)
    set_window(database)
    waiting = [
        asyncio.create_task(queue.permit(purpose, "a", None)) for purpose in (FULL, FULL, Purpose.WEBHOOK)
    ]
    await time.next_nap()
    assert {(each.owner, each.purpose, each.count) for each in standing(database).waiting} == {
        ("one", Purpose.WEBHOOK, 1),
        ("one", FULL, 2),
    }
    for each in waiting:
        each.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_where_a_window_has_many_left_a_few_requests_share_a_transaction(database: Database) -> None:
    queue = queue_of(database, Time(database))
    set_window(database, limit=300, used=0)
    commits: list[None] = []
    event.listen(database.engine, "commit", lambda _: commits.append(None))
    async with asyncio.timeout(PATIENCE):
        for number in range(2 * (MOST + 1)):
            permit = await queue.permit(FULL, "a", None)
            queue.answered(permit, Rate(300, 299 - number, 60))
        assert len(commits) == 2
        await queue.aclose()
    assert (standing(database).used, standing(database).in_flight) == (2 * (MOST + 1), 0)


async def test_what_was_taken_ahead_is_given_back_when_nobody_wants_it(database: Database) -> None:
    time = Time(database)
    queue = queue_of(database, time)
    set_window(database, limit=300, used=0)
    before = asyncio.all_tasks()
    permit = await queue.permit(FULL, "a", None)
    assert standing(database).used == 1 + MOST
    queue.answered(permit, Rate(300, 299, 60))
    await time.passes(HELD_FOR)
    await nobody_asks_any_more(before)
    assert (standing(database).used, standing(database).sent, standing(database).in_flight) == (1, 1, 0)


async def test_a_queue_that_is_closed_gives_back_what_was_taken_ahead(database: Database) -> None:
    queue = queue_of(database, Time(database))
    set_window(database, limit=300, used=0)
    await queue.permit(FULL, "a", None)
    async with asyncio.timeout(PATIENCE):
        await queue.aclose()
    assert (standing(database).used, standing(database).in_flight) == (1, 1)


@pytest.mark.parametrize("is_refused", [False, True])
async def test_what_was_taken_ahead_is_given_back_at_once_where_others_use_the_key_up(
    database: Database, is_refused: bool
) -> None:
    time = Time(database)
    queue = queue_of(database, time)
    set_window(database, limit=300, used=0)
    before = asyncio.all_tasks()
    permit = await queue.permit(FULL, "a", None)
    await time.next_nap()
    if is_refused:
        queue.refused(permit, Rate(300, 0, 60), 60)
    else:
        queue.answered(permit, Rate(300, 20, 60))
    await time.passes(SHORTLY)
    await nobody_asks_any_more(before)
    budget = standing(database)
    assert (budget.used, budget.sent, budget.in_flight) == (300 if is_refused else 280, 1, 0)


async def test_a_write_does_not_use_what_was_taken_ahead_for_reads(database: Database) -> None:
    queue = queue_of(database, Time(database))
    set_window(database, limit=300, used=0)
    async with asyncio.timeout(PATIENCE):
        await queue.permit(FULL, "a", None)
        assert (await queue.permit(Purpose.WRITE, "a", None)).purpose is Purpose.WRITE
        assert (await queue.permit(Purpose.INCREMENTAL, "a", None)).purpose is Purpose.INCREMENTAL
        await queue.aclose()
    assert standing(database).sent == 3


async def test_a_permit_taken_ahead_counts_from_when_it_is_used(database: Database) -> None:
    """Else what its answer says of the window's end would be said of a time before it went out."""
    time = Time(database)
    queue = queue_of(database, time)
    set_window(database, limit=300, used=0)
    first = await queue.permit(FULL, "a", None)
    time.elapse(1.0)
    assert (await queue.permit(FULL, "a", None)).taken_at == pytest.approx(first.taken_at + 1.0, abs=0.5)


async def test_what_was_taken_ahead_is_not_used_when_its_time_is_over(database: Database) -> None:
    time = Time(database)
    queue = queue_of(database, time)
    set_window(database, limit=300, used=0)
    async with asyncio.timeout(PATIENCE):
        await queue.permit(FULL, "a", None)
        time.elapse(HELD_FOR)
        await queue.permit(FULL, "a", None)
    assert standing(database).used == 2 + MOST
