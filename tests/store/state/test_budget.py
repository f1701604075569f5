"""One budget row for everybody: threads, processes and hosts together never take too much."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from subprocess import Popen

import pytest
from msgspec.structs import replace
from sqlalchemy import event, select, text

from syncer.domain.fingerprint import key_fingerprint
from syncer.domain.ratelimit import budget as rules
from syncer.domain.ratelimit.budget import Budget, Permit, Purpose, Rate, Reserve
from syncer.domain.ratelimit.responses import answered
from syncer.domain.ratelimit.waiters import Waiting
from syncer.store.db.database import Database
from syncer.store.schema import migrate as schema
from syncer.store.schema.mirror_tables import budgets
from syncer.store.state.budget import change_budget, read_budget
from tests.support.waiting import PATIENCE

Program = Callable[..., Popen[str]]

LIMIT, RESERVE = 100, Reserve(share=0.1)
#: Another value in each field than a new budget has.
FULL = Budget(
    window=2**40,
    limit=300,
    used=299,
    sent=17,
    in_flight=4,
    in_flight_previous=3,
    ends_at=1772366400.123456,
    earliest_end=1772366399.123456,
    length=59.5,
    reset_skew=1.0,
    probe_until=1772366400.654321,
    paced_until=1772366341.234567,
    confirmed=True,
    refusals=2**33,
    waiting=(
        Waiting("one", Purpose.WRITE, 2, 1772366401.5),
        Waiting("two", Purpose.FULL, 1, 1772366402.0),
    ),
    by_webhooks=5,
    webhooks_expected=139.25,
)


def take(database: Database, purpose: Purpose = Purpose.INCREMENTAL, key: str = "key") -> Permit | float:
    with database.begin() as connection:
        return change_budget(
            connection,
            "default",
            key,
            database.clock_offset,
            lambda budget, now: rules.take(budget, now, purpose, RESERVE),
        )


def learn(database: Database, reset: float = 3600.0) -> None:
    """One request finds out how large the window is; it stays open for an hour unless said otherwise."""
    permit = take(database)
    assert isinstance(permit, Permit)
    with database.begin() as connection:
        change_budget(
            connection,
            "default",
            "key",
            database.clock_offset,
            lambda budget, now: (answered(budget, now, permit, Rate(LIMIT, LIMIT - 1, reset)), None),
        )


def standing(database: Database, key: str = "key") -> Budget | None:
    with database.read() as connection:
        return read_budget(connection, "default", key)


def test_a_key_that_was_never_used_has_no_budget(database: Database) -> None:
    assert standing(database) is None


def test_a_budget_is_kept_to_the_microsecond(database: Database) -> None:
    with database.begin() as connection:
        before, at = change_budget(
            connection, "default", "key", database.clock_offset, lambda budget, at: (FULL, (budget, at))
        )
        now = database.now(connection)
    assert before == Budget()
    assert 0 <= now.timestamp() - at < 60
    assert standing(database) == FULL
    with database.begin() as connection:
        change_budget(connection, "default", "key", database.clock_offset, lambda budget, _: (Budget(), None))
    assert standing(database) == Budget()


def test_a_budget_survives_the_migrations_of_its_columns(database: Database) -> None:
    with database.begin() as connection:
        change_budget(connection, "default", "key", database.clock_offset, lambda _, __: (FULL, None))
    schema.downgrade(database, "0002")
    with database.begin() as connection:
        assert connection.execute(text("SELECT own, flying, carried FROM sync_budgets")).one() == (17, 4, 3)
        if connection.dialect.name == "sqlite":
            # Somebody else's, which only SQLite lets stand, and with which it drops and renames no column.
            connection.execute(text("CREATE VIEW theirs AS SELECT * FROM gone"))
    schema.migrate(database)
    # Those of a later version begin anew.
    assert standing(database) == replace(FULL, by_webhooks=0, webhooks_expected=0.0)


def test_threads_together_take_what_the_window_has_less_the_reserve(migrated_url: str) -> None:
    databases = [Database(migrated_url) for _ in range(5)]
    learn(databases[0])
    taken: list[Permit] = []
    ready = threading.Barrier(len(databases), timeout=PATIENCE)

    def work(database: Database) -> None:
        ready.wait()
        while isinstance(permit := take(database), Permit):
            taken.append(permit)

    threads = [threading.Thread(target=work, args=(database,)) for database in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) + 1 == LIMIT - 10
    assert len({permit.window for permit in taken}) == 1
    # The reserve is for writes, and then there is nothing left for anybody.
    written = [take(databases[0], Purpose.WRITE) for _ in range(12)]
    assert [isinstance(permit, Permit) for permit in written] == [True] * 10 + [False] * 2
    kept = standing(databases[1])
    assert kept is not None
    assert (kept.used, kept.sent, kept.limit) == (LIMIT, LIMIT, LIMIT)
    for database in databases:
        database.close()


TAKE_ALL = """
import sys
from syncer.domain.ratelimit import budget as rules
from syncer.domain.ratelimit.responses import answered
from syncer.domain.ratelimit.budget import Permit, Purpose, Reserve
from syncer.domain.ratelimit.waiters import Waiting
from syncer.store.state.budget import change_budget
from syncer.store.db.database import Database
database = Database(sys.argv[1])
def take():
    with database.begin() as connection:
        return change_budget(connection, "default", "key", database.clock_offset,
            lambda budget, now: rules.take(budget, now, Purpose.INCREMENTAL, Reserve(share=0.1)))
with database.read():
    print("ready", flush=True)
sys.stdin.readline()
taken = 0
while isinstance(take(), Permit):
    taken += 1
print(taken, flush=True)
database.close()
"""


def test_processes_together_take_what_the_window_has_less_the_reserve(
    database: Database, migrated_url: str, program: Program
) -> None:
    learn(database)
    processes = [program(TAKE_ALL, migrated_url) for _ in range(2)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    taken = [int(process.communicate("\n")[0]) for process in processes]
    assert sum(taken) + 1 == LIMIT - 10


def test_of_those_who_use_a_key_first_at_once_one_goes_and_the_others_wait(migrated_url: str) -> None:
    databases = [Database(migrated_url) for _ in range(4)]
    ready = threading.Barrier(len(databases), timeout=PATIENCE)
    answers: dict[str, list[Permit | float]] = {f"key {number}": [] for number in range(15)}

    def work(database: Database) -> None:
        for key, given in answers.items():
            ready.wait()
            given.append(take(database, key=key))

    threads = [threading.Thread(target=work, args=(database,)) for database in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for given in answers.values():
        assert len(given) == len(databases)
        assert [isinstance(permit, Permit) for permit in given].count(True) == 1
    for database in databases:
        database.close()


def test_hosts_agree_on_the_window_by_the_databases_clock(migrated_url: str) -> None:
    here, ahead = Database(migrated_url), Database(migrated_url, clock_offset=timedelta(minutes=2))
    learn(here, reset=60.0)
    first = take(here)
    later = take(ahead)
    assert isinstance(first, Permit)
    assert isinstance(later, Permit)
    assert later.window == first.window + 1
    # The other sees the new window, too, and waits for what its first answer tells.
    assert isinstance(take(here), float)
    here.close()
    ahead.close()


def test_environments_and_keys_have_budgets_of_their_own(database: Database) -> None:
    for environment, key in (("default", "a"), ("default", "b"), ("other", "a")):
        with database.begin() as connection:
            permit = change_budget(
                connection,
                environment,
                key,
                database.clock_offset,
                lambda budget, at: rules.take(budget, at, Purpose.FULL, RESERVE),
            )
        assert isinstance(permit, Permit)


def test_who_has_to_wait_writes_nothing(database: Database) -> None:
    learn(database)
    while isinstance(take(database), Permit):
        pass
    statements: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    assert isinstance(take(database), float)
    assert any("sync_budgets" in statement for statement in statements)
    assert not any("UPDATE sync_budgets" in statement for statement in statements)


def test_a_decision_that_fails_changes_nothing(database: Database) -> None:
    learn(database)
    before = standing(database)

    def decide(_budget: Budget, _now: float) -> tuple[Budget, None]:
        raise KeyError("mine")

    def fail() -> None:
        with database.begin() as connection:
            change_budget(connection, "default", "key", database.clock_offset, decide)

    with pytest.raises(KeyError, match="mine"):
        fail()
    assert standing(database) == before


def test_the_api_key_is_nowhere_in_the_table(database: Database) -> None:
    api_key = "kombo-secret-4711-ABCDEFGH"
    take(database, key=key_fingerprint(api_key))
    with database.read() as connection:
        [row] = connection.execute(select(budgets)).all()
    shown = str(tuple(row)).lower()
    assert key_fingerprint(api_key) in shown
    assert not any(api_key[at : at + 4].lower() in shown for at in range(len(api_key) - 3))
    assert key_fingerprint(api_key) != key_fingerprint(api_key + "x")
