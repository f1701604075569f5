"""What commands and the schedule cost, and what fits into the budget."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from syncer.domain.catalogue.lookup import model_named
from syncer.domain.native.call import Call
from syncer.domain.native.spec import NativeListSpec
from syncer.domain.ratelimit.budget import Budget, Reserve
from syncer.domain.scheduling.intervals import DAY, FILL, IntervalBounds, PollProfile
from syncer.domain.streams.forecast import (
    Allowance,
    Demand,
    Load,
    Outlook,
    allowance,
    command_cost,
    expected_rows,
    fitting_every,
    has_walk,
    requests_left,
    rows_of,
    typical_rows,
)
from syncer.domain.streams.stream import Kind, Mode, Phase, Stream, Walk

GROUPS, EMPLOYEES, ORDERS = (
    model_named(name) for name in ("hris_groups", "hris_employees", "assessment_orders")
)
BETA = replace(GROUPS, features=replace(GROUPS.features, paging=False))
NATIVE = NativeListSpec(
    "work_history",
    Call("hibob/v1", "GET", "/bulk/people/work"),
    ("hibob:*",),
    timedelta(hours=6),
    "r",
    ("id",),
)
FULL, INCREMENTAL = Walk("w", Kind.FULL, None, {}), Walk("w", Kind.INCREMENTAL, "2026", {})
READ_AT = datetime(2026, 1, 1, tzinfo=UTC)
KOMBO = Allowance(300, 30, 60.0, is_assumed=False)
QUARTER = IntervalBounds(900.0, DAY)

rows = st.integers(0, 10**6)


def stream(live: int = 0, deleted: int = 0, *, read: bool = True) -> Stream:
    return Stream(
        "a", "hris_groups", rows_live=live, rows_deleted=deleted, last_full_walk_at=READ_AT if read else None
    )


def polled(streams: int, pace: IntervalBounds = QUARTER, rate: float | None = None) -> Demand:
    return Demand(Counter({PollProfile(pace, rate): streams}))


# --- what the budget permits


def test_the_limit_is_the_last_known_one_or_assumed_and_the_reserve_is_left() -> None:
    known = allowance(Budget(limit=100, length=5.0), Reserve(share=0.1))
    assert (known.requests, known.a_second, known.is_assumed) == (90, 18.0, False)
    for unknown in (None, Budget()):
        assumed = allowance(unknown, Reserve(count=30))
        assert (assumed.requests, assumed.window, assumed.is_assumed) == (270, 60.0, True)


@pytest.mark.parametrize(
    ("requests", "seconds"), [(0, 0), (1, 0), (270, 0), (271, 60), (540, 60), (541, 120)]
)
def test_requests_of_the_first_window_need_no_wait(requests: int, seconds: float) -> None:
    assert KOMBO.seconds(requests) == seconds


# --- walks


@given(rows=rows, more=rows, page_size=st.integers(1, 250))
def test_more_rows_never_take_fewer_requests_and_each_list_takes_one(
    rows: int, more: int, page_size: int
) -> None:
    few, many = GROUPS.pages(rows, page_size, None), GROUPS.pages(rows + more, page_size, None)
    assert 1 <= few <= many
    assert (many - 1) * page_size < max(1, rows + more)


def test_a_list_that_comes_whole_takes_one_request() -> None:
    assert BETA.pages(10_000, 250, None) == 1


def test_a_tools_own_list_takes_as_many_requests_as_the_last_time() -> None:
    assert NATIVE.pages(10_000, 250, None) == 1
    assert NATIVE.pages(10_000, 250, 37) == 37
    walk = replace(FULL, pages=30, rows=9_000)
    assert requests_left(walk, NATIVE, 10_000, 250, 37) == 7


@pytest.mark.parametrize(
    ("walk", "requests"),
    [
        (FULL, 4),
        (INCREMENTAL, 1),
        (replace(FULL, rows=750, cursor="c"), 1),
        (replace(FULL, rows=600, cursor="c"), 2),
        (replace(FULL, rows=5_000, cursor="c"), 1),
        (replace(FULL, phase=Phase.SWEEP), 0),
    ],
    ids=["whole", "what changed", "the last page", "the rest", "more than was thought", "all was read"],
)
def test_a_walk_costs_what_is_left_of_it(walk: Walk, requests: int) -> None:
    assert requests_left(walk, GROUPS, 1_000, 250, None) == requests


def test_deleted_rows_are_read_where_a_list_has_them() -> None:
    assert rows_of(stream(10, 5), GROUPS) == 15
    assert rows_of(stream(10, 5), ORDERS) == 10


def test_a_stream_that_was_never_read_is_estimated_by_those_of_its_model() -> None:
    known = [(stream(each), GROUPS) for each in (10, 500, 10_000)]
    typical = typical_rows([*known, (stream(7, read=False), GROUPS), (stream(8), EMPLOYEES)])
    assert typical == {"hris_groups": 500}
    assert expected_rows(stream(read=False), GROUPS, typical) == (500, True)
    # It has got further than that already.
    assert expected_rows(stream(600, read=False), GROUPS, typical) == (600, True)
    assert expected_rows(stream(3), GROUPS, typical) == (3, False)
    assert expected_rows(stream(read=False), EMPLOYEES, typical) == (0, True)


# --- commands


LOADS = {
    Outlook("hris_groups", Kind.FULL): Load(1, 1_000, whole=4, left=3, integrations={"a"}),
    Outlook("hris_employees", Kind.FULL, is_estimated=True): Load(1, 300, 2, 2, {"a"}),
    Outlook("hris_groups", Kind.INCREMENTAL, is_backfilled=True): Load(2, 5_000, 20, 2, {"a", "b"}),
    Outlook("hris_groups", None): Load(1, 70, 1, 1, {"c"}),
}


@pytest.mark.parametrize(
    ("mode", "skipped", "groups", "requests", "rows"),
    [
        # What is left of a walk; one request for what changed; nothing where asking makes no sense.
        (Mode.SYNC, 1, 3 + 2, 3 + 2 + 2, 1_300),
        (Mode.BACKFILL, 3, 3, 3 + 2, 1_300),
        (Mode.RESTART, 1, 4 + 20, 4 + 20 + 2, 6_300),
    ],
)
def test_a_command_costs_its_walks_and_a_question_about_each_integration_and_the_key(
    mode: Mode, skipped: int, groups: int, requests: int, rows: int
) -> None:
    found = command_cost(mode, LOADS)
    assert found.models["hris_groups"].requests == groups
    total = found.total
    assert (total.streams, total.skipped, total.estimated, total.rows) == (5, skipped, 1, rows)
    # The integration with nothing to do is not asked about.
    assert total.requests == requests + (1 if mode is Mode.BACKFILL else 2) + 1


loads = st.dictionaries(
    st.builds(
        Outlook,
        st.sampled_from(("hris_groups", "hris_employees")),
        st.sampled_from((None, *Kind)),
        st.booleans(),
        st.booleans(),
    ),
    st.builds(lambda number: Load(number, rows=number, whole=number, left=number), st.integers(1, 100)),
)


@given(loads=loads, mode=st.sampled_from((Mode.SYNC, Mode.BACKFILL, Mode.RESTART)))
def test_the_sum_is_that_of_the_models_and_no_stream_is_free_that_is_read(
    loads: dict[Outlook, Load], mode: Mode
) -> None:
    found = command_cost(mode, loads)
    read = sum(load.streams for outlook, load in loads.items() if has_walk(outlook, mode))
    assert found.total.requests == read + found.others
    assert found.total.requests - found.others == sum(each.requests for each in found.models.values())
    assert found.total.streams - found.total.skipped == read


# --- the schedule


def test_a_schedule_needs_what_its_streams_integrations_and_full_walks_need() -> None:
    demand = Demand(
        Counter(
            {PollProfile(QUARTER, None): 12, PollProfile(IntervalBounds(HOUR, HOUR), None, requests=3): 1}
        ),
        Counter({PollProfile(QUARTER, None): 1}),
        full=0.5,
    )
    assert demand.needs() == pytest.approx(13 / 900 + 3 / HOUR + 0.5)


HOUR = 3_600.0


def test_twelve_thousand_streams_do_not_fit_into_three_hundred_requests_a_minute() -> None:
    demand = polled(12_000, rate=1 / DAY)
    assert not demand.fits(KOMBO)
    assert polled(3_600).fits(KOMBO)
    assert fitting_every(demand, KOMBO) == timedelta(minutes=50)
    assert demand.at_longest().fits(KOMBO)
    assert demand.needs(demand.stretch(KOMBO)) <= KOMBO.a_second * FILL
    # Nobody stretches anything by what is only assumed.
    assert demand.stretch(replace(KOMBO, is_assumed=True)) == 0


@given(streams=st.integers(1, 200_000), every=st.integers(1, 3_000))
def test_the_proposed_interval_fits_and_a_shorter_one_does_not(streams: int, every: int) -> None:
    demand = polled(streams, IntervalBounds(every, every))
    proposed = fitting_every(demand, KOMBO)
    assert proposed is not None
    seconds = proposed.total_seconds()
    assert demand.at_least(seconds).fits(KOMBO)
    shorter = seconds - (60 if seconds <= 7_200 else 3_600)
    assert shorter <= 0 or not demand.at_least(shorter).fits(KOMBO)


def test_no_interval_fits_where_the_full_walks_alone_are_too_much() -> None:
    assert fitting_every(Demand(full=10.0), KOMBO) is None
