"""What to fetch next, what the end of a walk means, and when to come back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from syncer.domain.catalogue.lookup import model_named
from syncer.domain.catalogue.model import Model
from syncer.domain.errors import (
    ConcurrencyLimited,
    CursorRefused,
    IntegrationGone,
    KomboError,
    ListStuck,
    ModelUnavailable,
    NotReady,
    RateLimited,
    RequestRefused,
    Transient,
)
from syncer.domain.streams.attempts import (
    RETRY_FIRST,
    RETRY_LONGEST,
    next_attempt,
    outcome_of,
    outcome_with,
    state_after,
)
from syncer.domain.streams.decisions import (
    MAX_ROUNDS,
    TOMBSTONES_LAST,
    Continue,
    LastPage,
    NextStep,
    Repeat,
    after_last_page,
    after_sweep,
    is_backfilled,
    is_watermark_refuted,
    needs_catch_up,
    next_step,
    next_walk,
    request_time,
    restarted,
)
from syncer.domain.streams.state import Outcome, StreamState
from syncer.domain.streams.stream import Kind, Mode, Phase, Stream, Walk

NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)
OVERLAP = timedelta(minutes=5)
FULL_EVERY = timedelta(days=7)
HOUR = timedelta(hours=1)
ABSENCES = model_named("hris_absences")
ORDERS = model_named("assessment_orders")
FILTERS = {"date_from": "2026-01-01"}

NEW = Stream("i", "hris_absences")
WATERMARK = datetime(2026, 1, 10, 11, 30, 15, 987654, tzinfo=UTC)
SYNCED = replace(
    NEW,
    state=StreamState.COMPLETE,
    watermark=WATERMARK,
    complete_at=NOW - HOUR,
    last_full_walk_at=NOW - 24 * HOUR,
)
STARTED = datetime(2026, 1, 10, 11, 59, tzinfo=UTC)
BEGAN = datetime(2026, 1, 10, 11, 58, tzinfo=UTC)


def planned(
    stream: Stream,
    mode: Mode = Mode.SYNC,
    model: Model = ABSENCES,
    filters: Mapping[str, str] | None = None,
    now: datetime = NOW,
    stale_before: datetime | None = None,
) -> Walk:
    return next_walk(
        stream,
        model,
        mode=mode,
        filters=filters or {},
        overlap=OVERLAP,
        full_every=FULL_EVERY,
        now=now,
        new_id="new",
        stale_before=stale_before,
    )


def walk(kind: Kind = Kind.FULL, **more: Any) -> Walk:
    updated_after = None if kind is Kind.FULL else "2026-01-09T00:00:00.000Z"
    given_: dict[str, Any] = {"started_at": STARTED, "began_at": BEGAN, "pages": 3, "rows": 700, **more}
    return Walk("w", kind, updated_after, given_.pop("filters", {}), **given_)


def whole(stream: Stream, ended: Walk) -> Stream:
    """The stream after the last page and the sweep of a full walk."""
    return after_sweep(after_last_page(stream, ended), ended)


FULL_WALK = Walk("new", Kind.FULL, None, {})
INCREMENTAL_WALK = Walk("new", Kind.INCREMENTAL, "2026-01-10T11:25:15.987Z", {})


# --- which walk --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stream", "mode", "expected"),
    [
        pytest.param(NEW, Mode.SYNC, FULL_WALK, id="a new stream"),
        pytest.param(SYNCED, Mode.SYNC, INCREMENTAL_WALK, id="a synced stream"),
        pytest.param(NEW, Mode.BACKFILL, FULL_WALK, id="a backfill"),
        pytest.param(SYNCED, Mode.BACKFILL, INCREMENTAL_WALK, id="a backfill of a synced stream"),
        pytest.param(NEW, Mode.RESTART, FULL_WALK, id="a restart"),
        pytest.param(SYNCED, Mode.RESTART, FULL_WALK, id="a restart of a synced stream"),
        pytest.param(
            replace(SYNCED, watermark=None), Mode.SYNC, FULL_WALK, id="no server time was ever told"
        ),
        pytest.param(
            replace(SYNCED, last_full_walk_at=None), Mode.SYNC, FULL_WALK, id="never walked in full"
        ),
        pytest.param(replace(SYNCED, filters=FILTERS), Mode.SYNC, FULL_WALK, id="the filters have changed"),
        pytest.param(
            replace(SYNCED, last_full_walk_at=NOW - FULL_EVERY), Mode.SYNC, FULL_WALK, id="a full walk is due"
        ),
        pytest.param(
            replace(SYNCED, last_full_walk_at=NOW - FULL_EVERY + timedelta(seconds=1)),
            Mode.SYNC,
            INCREMENTAL_WALK,
            id="a full walk is nearly due",
        ),
        pytest.param(
            replace(SYNCED, complete_at=NOW - TOMBSTONES_LAST),
            Mode.SYNC,
            FULL_WALK,
            id="deletions since then may be told no more",
        ),
        pytest.param(
            replace(SYNCED, complete_at=NOW - TOMBSTONES_LAST + timedelta(seconds=1)),
            Mode.SYNC,
            INCREMENTAL_WALK,
            id="deletions since then are still told",
        ),
    ],
)
def test_the_next_walk(stream: Stream, mode: Mode, expected: Walk) -> None:
    assert planned(stream, mode) == expected


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        pytest.param(SYNCED, Kind.FULL, id="what was complete before does not count"),
        pytest.param(replace(SYNCED, last_full_walk_at=NOW), Kind.INCREMENTAL, id="read whole since"),
        pytest.param(
            replace(SYNCED, walk=walk(Kind.INCREMENTAL)), Kind.FULL, id="an incremental walk adds to the old"
        ),
        pytest.param(
            replace(SYNCED, last_full_walk_at=NOW, walk=walk(began_at=NOW - HOUR)),
            Kind.INCREMENTAL,
            id="an unfinished full walk of the old data is dropped",
        ),
    ],
)
def test_what_was_read_before_kombo_followed_its_configuration_is_read_anew(
    stream: Stream, expected: Kind
) -> None:
    next_one = planned(stream, stale_before=NOW - timedelta(minutes=1))
    assert (next_one.id, next_one.kind) == ("new", expected)


@pytest.mark.parametrize("kind", list(Kind))
def test_an_unfinished_walk_from_before_deletions_ceased_to_be_told_is_dropped(kind: Kind) -> None:
    old = NOW - TOMBSTONES_LAST
    stream = replace(SYNCED, complete_at=old, walk=walk(kind, cursor="c", began_at=old))
    assert planned(stream) == FULL_WALK


@pytest.mark.parametrize(
    ("kind", "complete_at", "began_at", "goes_on"),
    [
        # An incremental walk adds to the complete view, a full one makes a new one.
        (Kind.INCREMENTAL, NOW - TOMBSTONES_LAST, NOW - HOUR, False),
        (Kind.INCREMENTAL, NOW - TOMBSTONES_LAST + timedelta(seconds=1), NOW - HOUR, True),
        (Kind.FULL, NOW - TOMBSTONES_LAST, NOW - HOUR, True),
    ],
)
def test_an_unfinished_incremental_walk_is_dropped_for_a_full_one_once_the_view_is_13_days_old(
    kind: Kind, complete_at: datetime, began_at: datetime, goes_on: bool
) -> None:
    unfinished = walk(kind, cursor="c", began_at=began_at)
    stream = replace(SYNCED, complete_at=complete_at, last_full_walk_at=NOW, walk=unfinished)
    assert timedelta(days=13) == TOMBSTONES_LAST
    assert planned(stream) == (unfinished if goes_on else FULL_WALK)


@pytest.mark.parametrize("mode", [Mode.SYNC, Mode.BACKFILL])
@pytest.mark.parametrize("kind", list(Kind))
def test_an_unfinished_walk_goes_on_as_it_began(mode: Mode, kind: Kind) -> None:
    unfinished = walk(kind, cursor="c", filters=FILTERS)
    stream = replace(SYNCED, walk=unfinished, last_full_walk_at=NOW - 2 * FULL_EVERY)
    assert planned(stream, mode, filters=dict(FILTERS)) is unfinished


def test_a_restart_drops_an_unfinished_walk() -> None:
    assert planned(replace(SYNCED, walk=walk(cursor="c")), Mode.RESTART) == FULL_WALK


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("old", [{}, FILTERS, {"date_from": "2025-01-01"}, {**FILTERS, "employee_id": "e"}])
def test_other_filters_drop_an_unfinished_walk_and_the_watermark(mode: Mode, old: Mapping[str, str]) -> None:
    filters = {"date_from": "2024-01-01"}
    stream = replace(SYNCED, filters=old, walk=walk(Kind.INCREMENTAL, cursor="c", filters=old))
    assert planned(stream, mode, filters=filters) == replace(FULL_WALK, filters=filters)


def test_a_walk_with_filters_that_were_taken_back_does_not_cost_the_watermark() -> None:
    stream = replace(SYNCED, walk=walk(cursor="c", filters=FILTERS))
    assert planned(stream) == INCREMENTAL_WALK


def test_a_list_without_updated_after_is_always_walked_in_full() -> None:
    assert not ORDERS.features.updated_after
    assert planned(replace(SYNCED, model=ORDERS.name), model=ORDERS) == FULL_WALK


@pytest.mark.parametrize(
    ("stream", "filters", "expected"),
    [
        (NEW, {}, False),
        (SYNCED, {}, True),
        (replace(SYNCED, watermark=None), {}, True),
        (SYNCED, FILTERS, False),
        (replace(SYNCED, walk=walk()), {}, False),
    ],
)
def test_a_stream_is_backfilled_after_a_full_walk_with_the_same_filters(
    stream: Stream, filters: Mapping[str, str], expected: bool
) -> None:
    assert is_backfilled(stream, filters) is expected


# --- the time that is asked from ---------------------------------------------------------------------

#: The pattern of updated_after in Kombo's OpenAPI document.
PATTERN = re.compile(r"^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}(\.\d+)?)?Z?$")
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(
    min_value=datetime.fromisoformat("0002-01-01"),
    max_value=datetime.fromisoformat("9998-12-31"),
    timezones=st.just(UTC) | zones,
)


@given(moments)
def test_a_request_time_is_in_kombos_form_and_never_later_than_the_moment(moment: datetime) -> None:
    asked = request_time(moment)
    assert PATTERN.fullmatch(asked)
    assert asked.endswith("Z")
    assert timedelta(0) <= moment - datetime.fromisoformat(asked) < timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (datetime(2026, 1, 10, 12, tzinfo=UTC), "2026-01-10T12:00:00.000Z"),
        (datetime(2026, 1, 10, 12, 0, 0, 999999, tzinfo=UTC), "2026-01-10T12:00:00.999Z"),
        (datetime(2026, 1, 1, 1, tzinfo=timezone(2 * HOUR)), "2025-12-31T23:00:00.000Z"),
    ],
)
def test_a_request_time_is_utc_in_milliseconds(moment: datetime, expected: str) -> None:
    assert request_time(moment) == expected


# --- the end of a walk -------------------------------------------------------------------------------


def test_a_full_walk_that_ends_sets_the_watermark_to_its_start() -> None:
    after = after_last_page(replace(NEW, walk=walk()), walk())
    assert (after.watermark, after.complete_at) == (STARTED, BEGAN)


def test_a_full_walk_goes_on_with_its_sweep_and_counts_as_complete_after_it() -> None:
    after = after_last_page(replace(NEW, walk=walk()), walk(cursor="c"))
    assert after.walk == walk(phase=Phase.SWEEP)
    assert after.last_full_walk_at is None
    assert planned(after) == after.walk
    end = after_sweep(after, after.walk)
    assert (end.walk, end.last_full_walk_at, end.watermark) == (None, BEGAN, STARTED)


def test_an_incremental_walk_that_ends_moves_the_watermark_to_its_start() -> None:
    after = after_last_page(replace(SYNCED, walk=walk(Kind.INCREMENTAL)), walk(Kind.INCREMENTAL))
    assert (after.watermark, after.complete_at) == (STARTED, BEGAN)
    assert after.last_full_walk_at == SYNCED.last_full_walk_at
    assert after.walk is None


@pytest.mark.parametrize("kind", list(Kind))
def test_a_walk_without_a_server_time_moves_no_watermark(kind: Kind) -> None:
    after = after_last_page(SYNCED, walk(kind, started_at=None))
    assert (after.watermark, after.complete_at) == (SYNCED.watermark, SYNCED.complete_at)
    assert after.last_full_walk_at == SYNCED.last_full_walk_at


def test_a_watermark_of_other_filters_does_not_outlive_a_full_walk() -> None:
    after = whole(SYNCED, walk(started_at=None, filters=FILTERS))
    assert (after.watermark, after.complete_at, after.filters) == (None, None, FILTERS)
    assert planned(after, filters=FILTERS).kind is Kind.FULL


def test_a_finished_walk_leaves_its_filters_with_the_watermark() -> None:
    after = whole(SYNCED, walk(filters=FILTERS))
    assert (after.watermark, after.filters) == (STARTED, FILTERS)
    assert planned(after, filters=FILTERS).kind is Kind.INCREMENTAL


@pytest.mark.parametrize(
    ("ended", "watermark"),
    [
        (walk(Kind.INCREMENTAL, moved=True), WATERMARK),
        (walk(Kind.INCREMENTAL, moved=True, pages=1), STARTED),
        (walk(Kind.INCREMENTAL), STARTED),
        (walk(Kind.FULL, moved=True), STARTED),
    ],
)
def test_the_watermark_stays_after_an_incremental_walk_in_which_records_moved(
    ended: Walk, watermark: datetime
) -> None:
    assert after_last_page(SYNCED, ended).watermark == watermark


def step(before: Walk, next_cursor: str | None, *, has_moved: bool = False) -> NextStep:
    return next_step(before, next_cursor=next_cursor, records=7, has_moved=has_moved, new_id="w2")


def test_a_page_that_leads_to_another_one_is_followed_by_it_whatever_moved() -> None:
    before = walk(cursor="b")
    for has_moved in (False, True):
        assert step(before, "c", has_moved=has_moved) == Continue(
            replace(before, cursor="c", pages=4, rows=707, moved=has_moved)
        )


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize(
    ("pages_before", "moved_before", "moves_now", "round", "repeats"),
    [
        (2, True, False, 1, True),
        (2, False, True, 1, True),
        (2, False, False, 1, False),
        (0, False, True, 1, False),
        (2, True, False, MAX_ROUNDS - 1, True),
        (2, True, False, MAX_ROUNDS, False),
    ],
)
def test_a_walk_is_repeated_if_records_moved_between_its_pages_but_not_for_ever(
    kind: Kind, pages_before: int, moved_before: bool, moves_now: bool, round: int, repeats: bool
) -> None:
    before = walk(kind, cursor="b", pages=pages_before, moved=moved_before, round=round, filters=FILTERS)
    expected: NextStep = LastPage(
        replace(before, cursor=None, pages=pages_before + 1, rows=707, moved=moved_before or moves_now)
    )
    if repeats:
        expected = Repeat(Walk("w2", kind, before.updated_after, FILTERS, round=round + 1))
    assert step(before, None, has_moved=moves_now) == expected


@pytest.mark.parametrize("kind", list(Kind))
def test_a_walk_begun_again_asks_the_same_from_the_first_page(kind: Kind) -> None:
    before = walk(kind, cursor="c", filters=FILTERS, moved=True, round=2)
    assert restarted(before, "w2") == Walk("w2", kind, before.updated_after, FILTERS, round=2)
    assert restarted(before, "w2", round=3) == Walk("w2", kind, before.updated_after, FILTERS, round=3)


@pytest.mark.parametrize(
    ("expected", "stream", "model", "ended", "took"),
    [
        pytest.param(True, SYNCED, ABSENCES, walk(), OVERLAP + timedelta(seconds=1), id="a long full walk"),
        pytest.param(False, SYNCED, ABSENCES, walk(), OVERLAP, id="a short full walk"),
        pytest.param(False, SYNCED, ABSENCES, walk(Kind.INCREMENTAL), HOUR, id="an incremental walk"),
        pytest.param(False, SYNCED, ORDERS, walk(), HOUR, id="a list without updated_after"),
        pytest.param(False, NEW, ABSENCES, walk(), HOUR, id="no watermark to ask from"),
    ],
)
def test_an_incremental_walk_follows_a_full_one_that_took_longer_than_the_overlap(
    expected: bool, stream: Stream, model: Model, ended: Walk, took: timedelta
) -> None:
    assert needs_catch_up(stream, model, ended, OVERLAP, BEGAN + took, resumed=False) is expected


@pytest.mark.parametrize("resumed", [False, True])
def test_an_incremental_walk_that_another_run_began_long_ago_is_followed_by_another(resumed: bool) -> None:
    ended, late = walk(Kind.INCREMENTAL), BEGAN + OVERLAP + timedelta(seconds=1)
    assert needs_catch_up(SYNCED, ABSENCES, ended, OVERLAP, late, resumed=resumed) is resumed
    assert not needs_catch_up(SYNCED, ABSENCES, ended, OVERLAP, BEGAN + OVERLAP, resumed=resumed)


@pytest.mark.parametrize("resumed", [False, True])
def test_a_list_without_updated_after_is_read_again_behind_a_walk_that_another_run_began_long_ago(
    resumed: bool,
) -> None:
    late = BEGAN + OVERLAP + timedelta(seconds=1)
    assert needs_catch_up(SYNCED, ORDERS, walk(), OVERLAP, late, resumed=resumed) is resumed
    assert not needs_catch_up(SYNCED, ORDERS, walk(), OVERLAP, BEGAN + OVERLAP, resumed=resumed)


# --- the end of a run --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (NotReady, Outcome.WAITING),
        (ModelUnavailable, Outcome.UNAVAILABLE),
        (IntegrationGone, Outcome.GONE),
        (Transient, Outcome.FAILED),
        (RateLimited, Outcome.FAILED),
        (ConcurrencyLimited, Outcome.FAILED),
        (CursorRefused, Outcome.FAILED),
        (ListStuck, Outcome.FAILED),
        (RequestRefused, Outcome.FAILED),
    ],
)
def test_an_error_of_the_api_is_an_outcome(error: type[KomboError], expected: Outcome) -> None:
    assert outcome_of(error("Something was wrong.")) is expected


@pytest.mark.parametrize("outcome", list(Outcome))
def test_only_these_outcomes_are_well(outcome: Outcome) -> None:
    assert outcome.is_well == (outcome.value in {"complete", "unavailable", "skipped"})


def test_a_failing_stream_is_tried_again_soon_then_more_and_more_slowly() -> None:
    waits = [next_attempt(Outcome.FAILED, failures) for failures in range(1, 1000)]
    assert waits[0] == RETRY_FIRST
    assert waits[1] == 2 * RETRY_FIRST
    assert waits == sorted(wait for wait in waits if wait is not None)
    assert waits[-1] == RETRY_LONGEST


@pytest.mark.parametrize(
    ("outcome", "wait"),
    [
        (Outcome.COMPLETE, None),
        (Outcome.SKIPPED, None),
        (Outcome.BUSY, None),
        (Outcome.STOPPED, timedelta(0)),
        (Outcome.WAITING, timedelta(minutes=15)),
        (Outcome.GONE, HOUR),
        (Outcome.UNAVAILABLE, timedelta(days=1)),
    ],
)
def test_a_stream_that_did_not_fail_has_its_own_time_to_come_back(
    outcome: Outcome, wait: timedelta | None
) -> None:
    assert next_attempt(outcome, 0) == wait


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Outcome.COMPLETE, "complete"),
        (Outcome.INCOMPLETE, "incomplete"),
        (Outcome.STOPPED, "incomplete"),
        (Outcome.HELD, "held"),
        (Outcome.FAILED, "failed"),
        (Outcome.WAITING, "waiting"),
        (Outcome.GONE, "gone"),
        (Outcome.UNAVAILABLE, "unavailable"),
    ],
)
def test_a_run_leaves_the_stream_in_the_state_of_its_outcome(outcome: Outcome, state: str) -> None:
    assert state_after(outcome) == state


@pytest.mark.parametrize("outcome", list(Outcome))
@pytest.mark.parametrize(
    ("held", "quarantined", "spoiled"),
    [(1, 0, Outcome.HELD), (0, 1, Outcome.INCOMPLETE), (1, 1, Outcome.HELD)],
)
def test_only_what_went_well_is_spoiled_by_held_rows_and_records_in_quarantine(
    outcome: Outcome, held: int, quarantined: int, spoiled: Outcome
) -> None:
    assert outcome_with(outcome, held=0, quarantined=0) is outcome
    after = outcome_with(outcome, held=held, quarantined=quarantined)
    assert after is (spoiled if outcome is Outcome.COMPLETE else outcome)
    assert not spoiled.is_well


# --- clocks that were wrong


YEARS = timedelta(days=3652)


@pytest.mark.parametrize(
    "stored",
    [
        {"last_full_walk_at": NOW + YEARS},
        {"complete_at": NOW + YEARS},
        {"last_full_walk_at": NOW + 2 * HOUR},
        {"walk": walk(began_at=NOW + YEARS), "last_full_walk_at": None},
        {"walk": walk(Kind.INCREMENTAL), "complete_at": NOW + YEARS},
    ],
    ids=str,
)
def test_a_view_of_the_future_is_no_view(stored: dict[str, Any]) -> None:
    assert planned(replace(SYNCED, **stored)) == Walk("new", Kind.FULL, None, {})


def test_a_clock_that_was_set_back_by_minutes_costs_no_full_walk() -> None:
    ahead = NOW + timedelta(minutes=10)
    stream = replace(SYNCED, last_full_walk_at=ahead, complete_at=ahead)
    assert planned(stream).kind is Kind.INCREMENTAL


def test_a_configuration_that_changed_in_the_future_makes_nothing_stale() -> None:
    assert planned(SYNCED, stale_before=NOW + YEARS).kind is Kind.INCREMENTAL


@pytest.mark.parametrize(
    ("served", "began", "refuted"),
    [
        # By Kombo's clock alone: less than the overlap before the watermark is asked for all the same.
        (timedelta(0), timedelta(0), False),
        (-OVERLAP, -OVERLAP, False),
        (-OVERLAP - timedelta(seconds=2), timedelta(0), True),
        (-YEARS, timedelta(0), True),
        # By both: Kombo's clock has to go on like the database's, if the first page is not stored at once.
        (3 * HOUR, 3 * HOUR, False),
        (3 * HOUR, 3 * HOUR + OVERLAP, False),
        (3 * HOUR, 4 * HOUR, True),
        (3 * HOUR, timedelta(0), False),
        (3 * HOUR, YEARS, False),
    ],
)
def test_a_watermark_is_refuted_by_the_first_page_of_the_walk_that_asks_from_it(
    served: timedelta, began: timedelta, refuted: bool
) -> None:
    """served, began: Kombo's time and the database's, from the watermark's on."""
    served_at = WATERMARK + served
    assert SYNCED.complete_at is not None
    begun = walk(Kind.INCREMENTAL, started_at=served_at, began_at=SYNCED.complete_at + began)
    assert is_watermark_refuted(SYNCED, begun, served_at=served_at, overlap=OVERLAP) is refuted
    assert not is_watermark_refuted(SYNCED, begun, served_at=None, overlap=OVERLAP)


@pytest.mark.parametrize("back", [timedelta(minutes=10), YEARS])
def test_a_clock_that_went_back_during_a_walk_does_not_say_that_it_was_short(back: timedelta) -> None:
    assert needs_catch_up(SYNCED, ABSENCES, walk(), OVERLAP, BEGAN - back, resumed=False)
