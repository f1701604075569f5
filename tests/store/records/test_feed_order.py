"""Numbers of the change feed are dense and in the order of the commits, whoever writes and whoever dies."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from random import Random

import psycopg
import pytest
from sqlalchemy import Connection, text

from syncer.domain.errors import DatabaseError
from syncer.domain.feed.row_change import FeedRules, Operation, RowChange
from syncer.domain.stream_key import StreamKey
from syncer.store.db.database import Database
from syncer.store.db.last_work import do_last_work
from syncer.store.reading.changes import feed_state, read_changes
from syncer.store.records.feed import CHANNEL, tell_changes
from tests.support.databases import migrated_database
from tests.support.records import NOW
from tests.support.waiting import PATIENCE, until

KEY = StreamKey("tool:one", "hris_groups")
RULES = FeedRules(models={KEY.model})
POLL = 0.002


class Undone(Exception):
    """A transaction that is rolled back."""


@pytest.fixture
def postgres(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A migrated database of PostgreSQL, where several write at once."""
    with migrated_database(request, "postgresql", tmp_path) as url:
        database = Database(url)
        yield database
        database.close()


def tell(connection: Connection, *ids: str, rules: FeedRules = RULES) -> None:
    told = [RowChange(each, Operation.CREATED) for each in ids]
    tell_changes(connection, rules, "default", KEY, told, NOW)


def told(database: Database) -> list[tuple[int, str]]:
    with database.read() as connection:
        return [(each.sequence, each.record_id) for each in read_changes(connection, 0, 10_000).changes]


def test_several_changes_of_a_transaction_are_numbered_in_their_order(database: Database) -> None:
    with database.begin() as connection:
        tell(connection, "a", "b")
        tell(connection)
        tell(connection, "c")
    assert told(database) == [(1, "a"), (2, "b"), (3, "c")]


def test_many_changes_of_a_transaction_are_numbered_in_their_order(database: Database) -> None:
    names = [f"record {number}" for number in range(4_500)]
    with database.begin() as connection:
        tell(connection, *names)
    assert told(database) == list(enumerate(names, 1))


def test_a_transaction_that_is_undone_uses_no_numbers(database: Database) -> None:
    for undone_at in ("before", "after"):
        with suppress(Undone), database.begin() as connection:
            tell(connection, "never")
            if undone_at == "after":
                do_last_work(connection)
            raise Undone
        with database.begin() as connection:
            tell(connection, f"undone {undone_at}")
    assert told(database) == [(1, "undone before"), (2, "undone after")]


def test_a_list_that_is_not_told_of_costs_no_statement(database: Database) -> None:
    with database.begin() as connection:
        tell(connection, "a", rules=FeedRules(models={"hris_employees"}))
        assert connection.get_execution_options().get("syncer_last_work") is None
    assert told(database) == []


def test_the_transaction_that_commits_last_has_the_highest_number_though_it_began_first(
    postgres: Database,
) -> None:
    def write() -> None:
        with postgres.begin() as second:
            tell(second, "begun second")

    with ThreadPoolExecutor(1) as threads, postgres.begin() as first:
        tell(first, "begun first")
        # The first has no lock that the second needs.
        threads.submit(write).result(PATIENCE)
    assert told(postgres) == [(1, "begun second"), (2, "begun first")]


def test_nobody_sees_a_number_before_the_lower_ones_are_committed(postgres: Database) -> None:
    with ThreadPoolExecutor(1) as threads:
        with postgres.begin() as slow:
            tell(slow, "slow")
            do_last_work(slow)

            def write() -> None:
                with postgres.begin() as quick:
                    tell(quick, "quick")

            writing = threads.submit(write)
            until(lambda: is_waiting(postgres), "the other writer waits")
            with postgres.read() as connection:
                assert feed_state(connection).newest == 0
            assert told(postgres) == []
        writing.result()
    assert told(postgres) == [(1, "slow"), (2, "quick")]


def is_waiting(database: Database) -> bool:
    """Tell whether somebody waits for the lock of the numbers."""
    with database.read() as connection:
        query = "SELECT query FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        return any("sync_feed" in each for each in connection.execute(text(query)).scalars())


def test_one_notification_a_transaction_tells_the_newest_number(postgres: Database) -> None:
    rules = FeedRules(models={KEY.model}, notify=True)
    url = postgres.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as listener:
        listener.execute(f"LISTEN {CHANNEL}")
        with postgres.begin() as connection:
            tell(connection, "a", "b", rules=rules)
            tell(connection, "c", rules=rules)
        with suppress(Undone), postgres.begin() as connection:
            tell(connection, "never", rules=rules)
            do_last_work(connection)
            raise Undone
        with postgres.begin() as connection:
            tell(connection, "d", rules=rules)
        found = [each.payload for each in listener.notifies(timeout=10, stop_after=2)]
    assert found == ["3", "4"]


def test_readers_that_poll_see_every_number_once_and_in_order_whoever_writes_and_dies(
    database: Database,
) -> None:
    """Writers stay in their transactions for a while; some are undone, some sessions are killed."""
    finished = threading.Event()
    written: list[str] = []

    def write(seed: int) -> None:
        rng = Random(seed)
        for number in range(25):
            ids = [f"{seed}/{number}/{each}" for each in range(rng.randint(1, 4))]
            with suppress(Undone, DatabaseError), database.begin() as connection:
                tell(connection, *ids)
                time.sleep(rng.random() * POLL)
                fate = rng.random()
                if fate < 0.4:
                    do_last_work(connection)
                    time.sleep(rng.random() * POLL)
                if 0.2 < fate < 0.6:
                    if fate < 0.3 and not database.is_sqlite:
                        kill(connection)
                    raise Undone
            if not 0.2 < fate < 0.6:
                written.extend(ids)

    def kill(connection: Connection) -> None:
        connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    def poll() -> list[str]:
        seen: list[str] = []
        position, is_over = 0, False
        while not is_over:
            is_over = finished.is_set()
            with database.read() as connection:
                page = read_changes(connection, position, 500)
            numbers = [each.sequence for each in page.changes]
            assert numbers == list(range(position + 1, position + 1 + len(numbers)))
            assert page.next == position + len(numbers)
            seen += [each.record_id for each in page.changes]
            position = page.next
            finished.wait(POLL)
        return seen

    with ThreadPoolExecutor(7) as threads:
        readers = [threads.submit(poll) for _ in range(3)]
        writers = [threads.submit(write, seed) for seed in range(4)]
        try:
            for each in writers:
                each.result()
        finally:
            finished.set()
        seen = [each.result() for each in readers]
    assert seen[0] == seen[1] == seen[2]
    assert sorted(seen[0]) == sorted(written)
    assert len(written) > 50
