"""Streams: who may work on them, where they stand, when they are due."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, event, select, update

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.errors import LeaseLost
from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.records.change import Counts
from syncer.domain.scheduling.intervals import ChangeHistory
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.state import Outcome, StreamState
from syncer.domain.streams.stream import Kind, Stream, Walk
from syncer.store.db.database import Database
from syncer.store.schema.mirror_tables import streams
from syncer.store.state.due import LEFT_BEHIND
from syncer.store.state.streams import Lease, StreamStore
from tests.support.waiting import PATIENCE

STORE = StreamStore()
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LENGTH = timedelta(seconds=60)
KEY = StreamKey("tool:one", "hris_employees")
OTHER = StreamKey("tool:one", "hris_groups")
THIRD = StreamKey("tool:two", "hris_employees")


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


WALK = Walk(
    "walk",
    Kind.INCREMENTAL,
    "2026-02-01T00:00:00.000Z",
    {"statuses": "ACTIVE,ä", "a": "b"},
    cursor="next",
    started_at=NOW - seconds(10.123456),
    began_at=NOW - seconds(9),
    pages=3,
    rows=700,
    round=2,
    moved=True,
)
AFTER = Stream(
    *KEY,
    watermark=NOW - seconds(10.5),
    complete_at=NOW - seconds(9),
    filters={"a": "b"},
    last_full_walk_at=NOW - seconds(9),
)


def nobody(_owner: str) -> bool:
    """No owner is known to be dead."""
    return False


def claim(
    connection: Connection,
    owner: str,
    key: StreamKey = KEY,
    *,
    now: datetime = NOW,
    is_dead: Callable[[str], bool] = nobody,
) -> Lease | None:
    return STORE.claim(connection, key, owner=owner, now=now, length=LENGTH, is_dead=is_dead)


def claimed(connection: Connection, owner: str = "me", key: StreamKey = KEY, *, now: datetime = NOW) -> Lease:
    lease = claim(connection, owner, key, now=now)
    assert lease is not None
    return lease


def release(connection: Connection, lease: Lease, *, due_at: datetime | None = None, **changes: Any) -> None:
    said: dict[str, Any] = {"state": "complete", "outcome": Outcome.COMPLETE, "error": None, "failures": 0}
    STORE.release(connection, lease, now=NOW, due_at=due_at, **{**said, **changes})


def row(connection: Connection, key: StreamKey = KEY) -> dict[str, Any]:
    found = connection.execute(
        select(streams).where(streams.c.integration_id == key.integration_id, streams.c.model == key.model)
    )
    return dict(found.one()._mapping)


def due(connection: Connection, now: datetime = NOW, *, limit: int = 100) -> list[StreamKey]:
    return list(STORE.due(connection, now, nobody, limit))


def scheduled(connection: Connection, model: str) -> list[tuple[str, datetime | None]]:
    return [(turn.integration_id, turn.scheduled_at) for turn in STORE.scheduled(connection, model)]


@pytest.fixture(autouse=True)
def _streams(request: pytest.FixtureRequest) -> None:
    """Three streams where the test has a transaction open."""
    if "connection" in request.fixturenames:
        STORE.add(request.getfixturevalue("connection"), [KEY, OTHER, THIRD])


# --- which streams there are


def test_progress_is_what_the_whole_stream_says(connection: Connection) -> None:
    lease = claimed(connection)
    STORE.save_walk(connection, lease, WALK, Counts(live=3, gone=1), now=NOW, length=LENGTH)
    release(connection, claimed(connection, key=OTHER), changes_seen=ChangeHistory(1.0, 60.0))
    connection.execute(update(streams).values(complete_at=NOW, watermark=NOW, full_pages=7))
    STORE.select(connection, {KEY, OTHER})
    found_by = STORE.progress(connection)
    progress = {
        StreamKey(one, model): each for one, lists in found_by.items() for model, each in lists.items()
    }
    assert set(progress) == {KEY, OTHER}
    for key, found in progress.items():
        stream = STORE.get(connection, key)
        shared = [name for name in found._fields if name not in {"changes", "watched"}]
        assert all(getattr(found, name) == getattr(stream, name) for name in shared)
        assert ChangeHistory(found.changes, found.watched) == stream.changes_seen
    assert progress[KEY].walk == WALK


def test_a_new_stream_is_new_mirrored_and_not_due(connection: Connection) -> None:
    assert STORE.get(connection, KEY) == Stream(*KEY)
    assert due(connection) == []
    assert STORE.all(connection) == [Stream(*KEY), Stream(*OTHER), Stream(*THIRD)]


def test_adding_a_stream_again_changes_nothing(connection: Connection) -> None:
    claimed(connection)
    before = row(connection)
    STORE.add(connection, [KEY, StreamKey("tool:three", "hris_groups")])
    assert row(connection) == before
    assert len(STORE.all(connection)) == 4


def test_streams_that_are_not_selected_are_neither_listed_nor_due_but_keep_their_progress(
    connection: Connection,
) -> None:
    STORE.mark_due(connection, [KEY, OTHER], now=NOW, purpose=Purpose.INCREMENTAL)
    lease = claimed(connection)
    STORE.save_walk(connection, lease, WALK, Counts(live=3), now=NOW, length=LENGTH)
    new = StreamKey("tool:three", "hris_groups")
    STORE.select(connection, {THIRD, new})
    assert [(each.integration_id, each.model) for each in STORE.all(connection)] == [new, THIRD]
    assert due(connection, NOW + LENGTH * 2) == []
    assert STORE.next_due(connection, NOW - LENGTH) is None
    assert scheduled(connection, "hris_employees") == [(THIRD[0], None)]
    assert STORE.lists(connection) == {each.integration_id: frozenset({each.model}) for each in (new, THIRD)}
    STORE.select(connection, {KEY})
    assert [each.walk for each in STORE.all(connection)] == [WALK]
    assert STORE.get(connection, KEY).rows_live == 3


def test_selecting_writes_what_differs_alone(connection: Connection) -> None:
    new = StreamKey("tool:three", "hris_groups")
    written: list[tuple[str, int]] = []

    def note(_: object, cursor: Any, statement: str, *__: object) -> None:
        if not statement.startswith("SELECT"):
            written.append((statement.split()[0], cursor.rowcount))

    event.listen(connection, "after_cursor_execute", note)
    STORE.select(connection, {KEY, OTHER, new})
    assert written == [("INSERT", 1), ("UPDATE", 1)]
    STORE.select(connection, {KEY, OTHER, new})
    assert len(written) == 2


def test_environments_do_not_meet(connection: Connection) -> None:
    other = StreamStore("other")
    other.add(connection, [KEY])
    claimed(connection)
    assert other.claim(connection, KEY, owner="me", now=NOW, length=LENGTH, is_dead=nobody) is not None
    other.mark_due(connection, [KEY, OTHER], now=NOW, purpose=1)
    other.select(connection, set())
    assert other.all(connection) == []
    assert len(STORE.all(connection)) == 3
    assert due(connection) == []


# --- leases


def test_a_stream_that_does_not_exist_cannot_be_claimed(connection: Connection) -> None:
    assert claim(connection, "me", StreamKey("nobody", "hris_groups")) is None


def test_a_living_lease_cannot_be_claimed_until_it_ends(connection: Connection) -> None:
    lease = claimed(connection)
    assert claim(connection, "you", now=NOW + LENGTH) is None
    taken = claim(connection, "you", now=NOW + LENGTH + seconds(0.001))
    assert taken is not None
    assert taken.fence > lease.fence
    assert (taken.key, taken.owner) == (KEY, "you")


def test_a_lease_says_nothing_about_other_streams(connection: Connection) -> None:
    claimed(connection, key=KEY)
    claimed(connection, key=OTHER)
    claimed(connection, key=THIRD)


def test_a_renewed_lease_lasts_from_then_on(connection: Connection) -> None:
    lease = claimed(connection)
    STORE.renew(connection, lease, NOW + seconds(50), LENGTH)
    assert claim(connection, "you", now=NOW + seconds(109)) is None
    assert claim(connection, "you", now=NOW + seconds(111)) is not None


def test_saving_a_page_renews_the_lease(connection: Connection) -> None:
    lease = claimed(connection)
    STORE.save_walk(connection, lease, WALK, Counts(), now=NOW + seconds(50), length=LENGTH)
    assert claim(connection, "you", now=NOW + seconds(109)) is None


def test_a_dead_owners_lease_can_be_claimed_at_once(connection: Connection) -> None:
    claimed(connection, "dead")
    assert claim(connection, "you", is_dead=lambda owner: owner == "another") is None
    assert claim(connection, "you", is_dead=lambda owner: owner == "dead") is not None


def test_a_released_stream_can_be_claimed_at_once(connection: Connection) -> None:
    release(connection, claimed(connection))
    assert claim(connection, "you") is not None


def test_the_same_owner_cannot_claim_a_stream_twice(connection: Connection) -> None:
    claimed(connection, "me")
    assert claim(connection, "me") is None


WRITES: dict[str, Callable[[Connection, Lease], None]] = {
    "renew": lambda connection, lease: STORE.renew(connection, lease, NOW + LENGTH * 9, LENGTH),
    "save": lambda connection, lease: STORE.save_walk(
        connection, lease, replace(WALK, cursor="stale"), Counts(live=9, gone=9), now=NOW, length=LENGTH * 9
    ),
    "finish": lambda connection, lease: STORE.finish_walk(
        connection, lease, replace(AFTER, watermark=NOW + LENGTH), Counts(live=9)
    ),
    "release": lambda connection, lease: release(
        connection, lease, state="failed", failures=9, error="stale"
    ),
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("successor", ["at work", "done", "done, and the first is asked again"])
def test_a_runner_that_has_lost_its_lease_changes_nothing(
    connection: Connection, write: str, successor: str
) -> None:
    lost = claimed(connection, "me")
    lease = claimed(connection, "you", now=NOW + LENGTH * 2)
    if successor != "at work":
        release(connection, lease)
    if successor == "done, and the first is asked again":
        claimed(connection, "me", now=NOW + LENGTH * 3)
    before = row(connection)
    with pytest.raises(LeaseLost, match=r"Another runner has taken hris_employees of tool:one over\."):
        WRITES[write](connection, lost)
    assert row(connection) == before


@pytest.mark.parametrize("write", WRITES)
def test_a_lease_that_has_ended_but_that_nobody_took_still_holds(connection: Connection, write: str) -> None:
    lease = claimed(connection, now=NOW - LENGTH * 5)
    WRITES[write](connection, lease)


def test_runners_that_claim_at_once_are_one_winner_each_time(migrated_url: str) -> None:
    keys = [StreamKey("tool:one", model) for model in catalogue()]
    databases = [Database(migrated_url) for _ in range(4)]
    with databases[0].begin() as connection:
        STORE.add(connection, keys)
    ready = threading.Barrier(len(databases), timeout=PATIENCE)
    winners: list[Lease] = []

    def run(database: Database, owner: str) -> None:
        for key in keys:
            ready.wait()
            with database.begin() as connection:
                lease = claim(connection, owner, key)
            if lease is not None:
                winners.append(lease)

    threads = [
        threading.Thread(target=run, args=(database, f"runner {number}"))
        for number, database in enumerate(databases)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(lease.key for lease in winners) == sorted(keys)
    with databases[0].read() as connection:
        for lease in winners:
            kept = row(connection, lease.key)
            assert (kept["lease_owner"], kept["fence"]) == (lease.owner, lease.fence)
    for database in databases:
        database.close()


def test_runners_that_take_an_expired_lease_at_once_are_one_winner_each_time(migrated_url: str) -> None:
    databases = [Database(migrated_url) for _ in range(3)]
    with databases[0].begin() as connection:
        STORE.add(connection, [KEY])
    ready = threading.Barrier(len(databases), timeout=PATIENCE)
    winners: list[list[int]] = [[] for _ in databases]

    def run(at: int) -> None:
        for number in range(40):
            ready.wait()
            with databases[at].begin() as connection:
                lease = claim(connection, f"runner {at}", now=NOW + LENGTH * 2 * number)
            if lease is not None:
                winners[at].append(number)

    threads = [threading.Thread(target=run, args=(at,)) for at in range(len(databases))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(number for won in winners for number in won) == list(range(40))
    for database in databases:
        database.close()


# --- progress


def test_a_walk_is_kept_to_the_letter(connection: Connection) -> None:
    lease = claimed(connection)
    STORE.save_walk(connection, lease, WALK, Counts(live=5, gone=2), now=NOW, length=LENGTH)
    stream = STORE.get(connection, KEY)
    assert stream.walk == WALK
    assert (stream.rows_live, stream.rows_deleted) == (5, 2)
    full = Walk("full", Kind.FULL, None, {})
    STORE.save_walk(connection, lease, full, Counts(live=-1, gone=1), now=NOW, length=LENGTH)
    stream = STORE.get(connection, KEY)
    assert stream.walk == full
    assert (stream.rows_live, stream.rows_deleted) == (4, 3)


def test_a_finished_walk_leaves_the_watermark_and_no_walk(connection: Connection) -> None:
    lease = claimed(connection)
    STORE.save_walk(connection, lease, WALK, Counts(live=5), now=NOW, length=LENGTH)
    STORE.finish_walk(connection, lease, AFTER, Counts(live=1))
    assert STORE.get(connection, KEY) == replace(AFTER, rows_live=6)
    # The run goes on: the lease is released by its end.
    assert claim(connection, "you") is None


def test_a_page_that_is_rolled_back_leaves_the_walk_where_it_was(connection: Connection) -> None:
    lease = claimed(connection)
    STORE.save_walk(connection, lease, WALK, Counts(live=5), now=NOW, length=LENGTH)
    page = connection.begin_nested()
    STORE.save_walk(connection, lease, replace(WALK, cursor="lost"), Counts(live=5), now=NOW, length=LENGTH)
    page.rollback()
    stream = STORE.get(connection, KEY)
    assert stream.walk == WALK
    assert stream.rows_live == 5


def test_a_run_leaves_its_outcome(connection: Connection) -> None:
    later = NOW + seconds(30)
    release(
        connection,
        claimed(connection),
        state="failed",
        outcome=Outcome.FAILED,
        error="The API could not answer right now.",
        failures=3,
        due_at=later,
    )
    stream = STORE.get(connection, KEY)
    assert stream == Stream(
        *KEY,
        state=StreamState.FAILED,
        last_run_at=NOW,
        last_outcome=Outcome.FAILED,
        last_error="The API could not answer right now.",
        failures=3,
        due_at=later,
    )


# --- what is due


def test_a_marked_stream_is_due_until_somebody_claims_it(connection: Connection) -> None:
    assert STORE.mark_due(connection, [KEY, OTHER], now=NOW, purpose=Purpose.INCREMENTAL) == 2
    assert due(connection, NOW - seconds(1)) == []
    assert due(connection) == [KEY, OTHER]
    claimed(connection)
    assert due(connection) == [OTHER]


def test_a_mark_is_counted_once(connection: Connection) -> None:
    assert STORE.mark_due(connection, [KEY], now=NOW, purpose=Purpose.INCREMENTAL) == 1
    assert STORE.mark_due(connection, [KEY], now=NOW + seconds(1), purpose=Purpose.INCREMENTAL) == 0
    assert STORE.mark_due(connection, [StreamKey("nobody", "hris_groups")], now=NOW, purpose=2) == 0
    assert STORE.get(connection, KEY).due_at == NOW


def test_a_mark_that_arrives_during_a_run_survives_its_end(connection: Connection) -> None:
    lease = claimed(connection)
    STORE.mark_due(connection, [KEY], now=NOW + seconds(5), purpose=Purpose.WEBHOOK)
    assert due(connection, NOW + seconds(6)) == []
    release(connection, lease, due_at=NOW + timedelta(hours=1))
    assert STORE.get(connection, KEY).due_at == NOW + seconds(5)
    assert due(connection, NOW + seconds(6)) == [KEY]


def test_a_run_without_a_mark_is_due_again_when_its_end_says_so(connection: Connection) -> None:
    release(connection, claimed(connection), due_at=NOW + seconds(30))
    assert due(connection, NOW + seconds(29)) == []
    assert due(connection, NOW + seconds(30)) == [KEY]
    release(connection, claimed(connection), due_at=None)
    assert due(connection, NOW + timedelta(days=999)) == []


def test_the_schedule_does_not_disturb_a_stream_that_waits_to_be_tried_again(connection: Connection) -> None:
    later = NOW + timedelta(hours=1)
    release(connection, claimed(connection), due_at=later)
    for tick in (NOW, NOW + seconds(60)):
        marked = STORE.mark_due(
            connection, [KEY], now=tick, purpose=Purpose.INCREMENTAL, scheduled_at=tick + seconds(0.5)
        )
        assert marked == 0
    assert STORE.get(connection, KEY).due_at == later
    # The schedule counts on all the same.
    assert scheduled(connection, KEY[1]) == [(KEY[0], NOW + seconds(60.5)), (THIRD[0], None)]


def test_a_poke_wakes_a_stream_that_waits_to_be_tried_again(connection: Connection) -> None:
    release(connection, claimed(connection), due_at=NOW + timedelta(hours=1))
    assert STORE.mark_due(connection, [KEY], now=NOW, purpose=Purpose.WEBHOOK) == 1
    assert due(connection) == [KEY]
    assert scheduled(connection, KEY[1]) == [(KEY[0], None), (THIRD[0], None)]


def test_the_schedule_marks_streams_that_are_not_due(connection: Connection) -> None:
    marked = STORE.mark_due(connection, [KEY, THIRD], now=NOW, purpose=2, scheduled_at=NOW - seconds(1))
    assert marked == 2
    assert due(connection) == [KEY, THIRD]
    assert scheduled(connection, KEY[1]) == [(KEY[0], NOW - seconds(1)), (THIRD[0], NOW - seconds(1))]


def mark(connection: Connection, key: StreamKey, purpose: Purpose, at: float) -> None:
    STORE.mark_due(connection, [key], now=NOW + seconds(at), purpose=purpose)


def test_the_most_urgent_purpose_goes_first_and_then_the_longest_wait(connection: Connection) -> None:
    fourth = StreamKey("tool:two", "hris_groups")
    STORE.add(connection, [fourth])
    mark(connection, KEY, Purpose.FULL, -50)
    mark(connection, OTHER, Purpose.INCREMENTAL, -10)
    mark(connection, THIRD, Purpose.INCREMENTAL, -20)
    mark(connection, fourth, Purpose.WEBHOOK, -1)
    assert due(connection) == [fourth, THIRD, OTHER, KEY]
    assert due(connection, limit=2) == [fourth, THIRD]


def test_a_more_urgent_mark_moves_a_due_stream_forward_and_a_less_urgent_one_does_not_hold_it_back(
    connection: Connection,
) -> None:
    mark(connection, KEY, Purpose.FULL, -50)
    mark(connection, OTHER, Purpose.INCREMENTAL, -40)
    assert due(connection) == [OTHER, KEY]
    mark(connection, KEY, Purpose.WEBHOOK, -1)
    mark(connection, OTHER, Purpose.FULL, -1)
    assert due(connection) == [KEY, OTHER]
    # The wait counts from the first mark.
    assert STORE.get(connection, KEY).due_at == NOW - seconds(50)
    mark(connection, OTHER, Purpose.WEBHOOK, -1)
    assert due(connection) == [KEY, OTHER]


def test_a_stream_that_comes_back_on_its_own_does_not_push_in_before_webhooks(connection: Connection) -> None:
    release(connection, claimed(connection), due_at=NOW - seconds(100))
    mark(connection, OTHER, Purpose.WEBHOOK, -1)
    mark(connection, THIRD, Purpose.INCREMENTAL, -200)
    assert due(connection) == [OTHER, THIRD, KEY]


def test_a_claim_answers_the_mark_and_its_purpose(connection: Connection) -> None:
    mark(connection, KEY, Purpose.WEBHOOK, -1)
    lease = claimed(connection)
    assert (row(connection)["due_at"], row(connection)["due_purpose"]) == (None, None)
    mark(connection, KEY, Purpose.FULL, -1)
    release(connection, lease)
    assert row(connection)["due_purpose"] == Purpose.FULL


def test_a_stream_whose_runner_died_comes_first(connection: Connection) -> None:
    claimed(connection, "me", KEY, now=NOW - LENGTH * 2)
    claimed(connection, "dead", OTHER)
    mark(connection, THIRD, Purpose.WEBHOOK, -500)
    assert due(connection) == [KEY, THIRD]
    ranks = STORE.due(connection, NOW, lambda owner: owner == "dead", 100)
    assert list(ranks.items()) == [(KEY, LEFT_BEHIND), (OTHER, LEFT_BEHIND), (THIRD, Purpose.WEBHOOK)]
    assert list(STORE.due(connection, NOW, lambda owner: owner == "dead", 1)) == [KEY]


def test_a_running_stream_is_not_due_however_often_it_is_marked(connection: Connection) -> None:
    claimed(connection)
    mark(connection, KEY, Purpose.WEBHOOK, -500)
    assert due(connection) == []


def test_the_next_stream_to_become_due_is_known(connection: Connection) -> None:
    assert STORE.next_due(connection, NOW) is None
    release(connection, claimed(connection, key=KEY), due_at=NOW + seconds(90))
    release(connection, claimed(connection, key=OTHER), due_at=NOW + seconds(30.25))
    release(connection, claimed(connection, key=THIRD), due_at=NOW - seconds(30))
    assert STORE.next_due(connection, NOW) == NOW + seconds(30.25)
    assert STORE.next_due(connection, NOW + seconds(30.25)) == NOW + seconds(90)
    assert STORE.next_due(connection, NOW + seconds(90)) is None


def test_times_far_from_today_are_compared_as_times(connection: Connection) -> None:
    """No text order may creep in: a lease of the year 999 has ended, one of the year 9999 has not."""
    connection.execute(
        update(streams)
        .where(streams.c.model == "hris_employees")
        .values(lease_owner="me", lease_until=datetime(999, 1, 1, tzinfo=UTC), fence=7)
    )
    assert due(connection) == [KEY, THIRD]
    connection.execute(update(streams).values(lease_until=datetime(9999, 1, 1, tzinfo=UTC)))
    assert due(connection, datetime(9998, 12, 31, 23, 59, tzinfo=UTC)) == []


# --- times that lie further ahead than they can


YEARS = timedelta(days=3652)


def test_a_lease_that_lies_further_ahead_than_it_can_is_free(connection: Connection) -> None:
    claimed(connection, "a clock that was ahead", now=NOW + YEARS)
    assert claim(connection, "another", now=NOW) is not None
    claimed(connection, "a clock that was ahead", OTHER, now=NOW + YEARS)
    assert due(connection) == [OTHER]
    # Hosts' clocks may differ by minutes.
    claimed(connection, "another host", THIRD, now=NOW + timedelta(minutes=4))
    assert claim(connection, "this one", THIRD) is None


def test_a_due_time_that_lies_further_ahead_than_it_can_is_now(connection: Connection) -> None:
    release(connection, claimed(connection), due_at=NOW + YEARS, outcome=Outcome.FAILED, state="failed")
    release(connection, claimed(connection, key=OTHER), due_at=NOW + timedelta(hours=23))
    mark(connection, THIRD, Purpose.INCREMENTAL, 600)
    assert set(due(connection)) == {KEY, THIRD}


def test_the_schedule_brings_a_mark_of_a_clock_that_was_ahead_forward(connection: Connection) -> None:
    mark(connection, KEY, Purpose.INCREMENTAL, 120)
    assert due(connection) == []
    STORE.mark_due(connection, [KEY], now=NOW, purpose=Purpose.INCREMENTAL, scheduled_at=NOW)
    assert due(connection) == [KEY]


# --- what is known of changes


def test_what_a_run_found_of_changes_is_kept(connection: Connection) -> None:
    release(connection, claimed(connection), changes_seen=ChangeHistory(1.5, 3_600.0))
    assert STORE.get(connection, KEY).changes_seen == ChangeHistory(1.5, 3_600.0)
    release(connection, claimed(connection))
    for purpose in (Purpose.INCREMENTAL, Purpose.WEBHOOK):
        mark(connection, KEY, purpose, 0)
        assert STORE.get(connection, KEY).changes_seen == ChangeHistory(1.5, 3_600.0)


def test_streams_that_wait_are_those_read_once_that_nobody_works_on(connection: Connection) -> None:
    for key in (KEY, OTHER, THIRD):
        mark(connection, key, Purpose.INCREMENTAL, -100)
    assert STORE.waiting(connection, NOW) == []
    connection.execute(update(streams).values(last_full_walk_at=NOW, changes=2.0, watched=60.0))
    claimed(connection, key=OTHER)
    mark(connection, OTHER, Purpose.INCREMENTAL, -50)
    waits = [
        (KEY, NOW - seconds(100), ChangeHistory(2.0, 60.0)),
        (THIRD, NOW - seconds(100), ChangeHistory(2.0, 60.0)),
    ]
    assert sorted(STORE.waiting(connection, NOW)) == waits
    assert STORE.waiting(connection, NOW - seconds(100)) == []


def test_streams_that_are_tried_again_at_a_time_of_their_own_are_not_asked_by_the_schedule(
    connection: Connection,
) -> None:
    release(connection, claimed(connection), changes_seen=ChangeHistory(1.0, 60.0))
    release(connection, claimed(connection, key=OTHER), state="unavailable", outcome=Outcome.UNAVAILABLE)
    asked = {key: (found, live, deleted) for key, found, live, deleted, _ in STORE.polled(connection)}
    assert asked == {KEY: (ChangeHistory(1.0, 60.0).rate, 0, 0), THIRD: (None, 0, 0)}


def test_thousands_of_streams_are_marked_at_once(connection: Connection) -> None:
    many = [StreamKey(f"tool:{number}", "hris_locations") for number in range(2_000)]
    STORE.add(connection, many)
    written: list[int] = []
    event.listen(connection, "after_cursor_execute", lambda _, cursor, *__: written.append(cursor.rowcount))
    assert STORE.mark_due(connection, many, now=NOW, purpose=2, scheduled_at=NOW) == len(many)
    # Each row once: PostgreSQL keeps every version of a row until it is vacuumed.
    assert written == [len(many), 0]
    assert {when for _, when in scheduled(connection, "hris_locations")} == {NOW}
    assert list(STORE.due(connection, NOW, nobody, len(many) + 9)) == sorted(many)
