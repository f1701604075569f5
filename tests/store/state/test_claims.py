"""Claims of due streams: as many as there are places for, and none that somebody else has or has done."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, select, update

from syncer.domain.errors import LeaseLost
from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.state import Outcome, StreamState
from syncer.store.db.database import Database
from syncer.store.schema.mirror_tables import streams
from syncer.store.state.streams import Claim, StreamStore
from tests.support.waiting import until

STORE = StreamStore()
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LENGTH = timedelta(seconds=60)
KEYS = [StreamKey("tool:one", f"list_{number}") for number in range(6)]
ON_POSTGRESQL = pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)


def claims_of(
    connection: Connection,
    keys: Sequence[StreamKey] = KEYS,
    most: int = len(KEYS),
    *,
    owner: str = "me",
    now: datetime = NOW,
    length: timedelta = LENGTH,
    dead: str = "",
    waits: bool = False,
) -> list[Claim]:
    return STORE.claim_due(
        connection,
        keys,
        most,
        owner=owner,
        now=now,
        length=length,
        is_dead=lambda each: each == dead,
        waits=waits,
    )


def claimed(connection: Connection, *arguments: Any, **more: Any) -> list[StreamKey]:
    return [each.lease.key for each in claims_of(connection, *arguments, **more)]


def mark(connection: Connection, keys: Sequence[StreamKey] = KEYS) -> None:
    """Make streams due, which get a row where they have none."""
    STORE.add(connection, keys)
    STORE.mark_due(connection, keys, now=NOW, purpose=Purpose.INCREMENTAL)


def release(connection: Connection, claim: Claim, due_at: datetime | None = None) -> None:
    STORE.release(
        connection,
        claim.lease,
        state=StreamState.COMPLETE,
        outcome=Outcome.COMPLETE,
        error=None,
        failures=0,
        now=NOW,
        due_at=due_at,
    )


def test_as_many_are_claimed_as_have_a_place_in_the_order_given(connection: Connection) -> None:
    mark(connection)
    order = KEYS[::-1]
    assert claimed(connection, order, 2) == order[:2]
    assert claimed(connection, order, 3) == order[2:5]
    assert claimed(connection, order) == order[5:]
    assert claimed(connection, order) == []
    assert claimed(connection, []) == []


def test_a_claim_is_a_lease_of_the_stream_as_it_was(connection: Connection) -> None:
    mark(connection)
    before = STORE.get(connection, KEYS[0])
    [first] = claims_of(connection, KEYS[:1])
    assert first.before == before
    row = connection.execute(select(streams).where(streams.c.model == KEYS[0].model)).one()
    assert (row.lease_owner, row.lease_until, row.fence) == ("me", NOW + LENGTH, first.lease.fence)
    assert (row.due_at, row.due_purpose) == (None, None)
    release(connection, first)
    mark(connection)
    [second] = claims_of(connection, KEYS[:1], owner="another")
    assert second.lease.fence == first.lease.fence + 1
    STORE.renew(connection, second.lease, NOW, LENGTH)
    with pytest.raises(LeaseLost):
        STORE.renew(connection, first.lease, NOW, LENGTH)


def test_what_is_not_due_any_more_is_not_claimed_again(connection: Connection) -> None:
    mark(connection)
    done, waits, *under_way = claims_of(connection, owner="another")
    release(connection, done)
    release(connection, waits, due_at=NOW + timedelta(seconds=30))
    assert claimed(connection) == []
    assert claimed(connection, now=NOW + timedelta(seconds=30)) == [waits.lease.key]
    # Of those whose runner has fallen silent the leases have ended.
    left_behind = [each.lease.key for each in under_way]
    assert claimed(connection, now=NOW + LENGTH * 1.1) == left_behind


def test_a_lease_that_is_set_to_be_long_is_its_runners_all_the_time(connection: Connection) -> None:
    mark(connection, KEYS[:1])
    day = timedelta(days=1)
    assert claimed(connection, KEYS[:1], owner="another", length=day) == KEYS[:1]
    late = NOW + timedelta(hours=20)
    assert STORE.due(connection, late, lambda _: False, 10, length=day) == {}
    assert claimed(connection, KEYS[:1], now=late, length=day) == []
    # One of those that have it shorter takes it for one of a wrong clock.
    assert claimed(connection, KEYS[:1]) == KEYS[:1]


def test_what_nobody_mirrors_or_knows_is_not_claimed(connection: Connection) -> None:
    mark(connection, KEYS[:2])
    connection.execute(update(streams).where(streams.c.model == KEYS[0].model).values(mirrored=False))
    assert claimed(connection, KEYS[:3]) == [KEYS[1]]


def test_the_lease_of_a_runner_that_has_died_is_taken_at_once(connection: Connection) -> None:
    mark(connection, KEYS[:2])
    claims_of(connection, KEYS[:1], owner="killed")
    claims_of(connection, KEYS[1:2], owner="another")
    assert claimed(connection, KEYS[:2], dead="killed") == [KEYS[0]]


def test_a_claim_looks_at_no_more_rows_than_it_wants(migrated_sqlite_url: str) -> None:
    statements: list[tuple[str, Any]] = []

    def remember(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        statements.append((statement, parameters))

    with closing(Database(migrated_sqlite_url)) as database, database.begin() as connection:
        mark(connection)
        event.listen(connection, "before_cursor_execute", remember)
        assert claimed(connection, KEYS, 3) == KEYS[:3]
        for statement, parameters in list(statements):
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
            found = [row[-1] for row in plan if row[-1].startswith(("SEARCH", "SCAN"))]
            assert len(found) == 3
            assert all("environment=? AND integration_id=? AND model=?" in each for each in found)


@ON_POSTGRESQL
def test_who_claims_at_the_same_time_takes_others_and_waits_for_nobody(migrated_url: str) -> None:
    with closing(Database(migrated_url)) as one, closing(Database(migrated_url)) as other:
        with one.begin() as connection:
            mark(connection)
        with one.begin() as first, other.begin() as second:
            assert claimed(first, KEYS, 2) == KEYS[:2]
            assert claimed(second, KEYS, 3) == KEYS[2:5]
            assert claimed(first, KEYS, 2) == KEYS[5:]
            assert claimed(second, KEYS, 2) == []


@ON_POSTGRESQL
def test_whoever_asks_for_one_alone_may_wait_for_it(migrated_url: str) -> None:
    found: list[StreamKey] = []
    with closing(Database(migrated_url)) as one, closing(Database(migrated_url)) as other:
        with one.begin() as connection:
            mark(connection, KEYS[:2])

        def take() -> None:
            with other.begin() as connection:
                for key in KEYS[:2]:
                    found.extend(claimed(connection, [key], waits=True))

        with one.begin() as connection:
            assert claimed(connection, KEYS[:1]) == KEYS[:1]
            # Whoever marks a stream has its row for a moment, too.
            STORE.mark_due(connection, KEYS[1:2], now=NOW, purpose=Purpose.WRITE)
            taking = threading.Thread(target=take)
            taking.start()
            with one.read() as watching:
                until(lambda: is_waiting(watching), "the other one's wait")
        taking.join()
    assert found == KEYS[1:2]


def is_waiting(connection: Connection) -> bool:
    return bool(
        connection.exec_driver_sql(
            "SELECT 1 FROM pg_locks JOIN pg_database ON pg_database.oid = database OR database IS NULL "
            "WHERE NOT granted AND datname = current_database()"
        ).first()
    )
