"""From window to window: never a 429 that is not admitted, and little time lost."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from math import ceil

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from syncer.domain.ratelimit.budget import POLL, Budget, Permit, Purpose, Rate, Reserve, take
from syncer.domain.ratelimit.responses import answered
from tests.domain.ratelimit.simulated_windows import (
    TICK,
    Reading,
    Rounding,
    Server,
    eighths,
    read_all_the_time,
    servers,
)

NONE = Reserve()
workers = st.integers(1, 12)
#: Seconds that requests take to the server and back; those there and back of one are less than a window.
delays = st.lists(st.tuples(eighths(TICK, 1.5), eighths(0, 1.5)), min_size=1, max_size=40)
#: Those that are less than a second there and back, by which resets may be wrong.
short_delays = st.lists(st.tuples(eighths(TICK, 0.5), eighths(0, 0.375)), min_size=1, max_size=40)


def assert_refused_at_one_turn(reading: Reading, server: Server, workers: int) -> None:
    # What is under way when that shows may be refused as well.
    assert len(reading.refused) <= workers
    assert all(at - reading.refused[0] < server.length for at in reading.refused)


def longest(delays: list[tuple[float, float]]) -> float:
    return max(there for there, _ in delays) + max(back for _, back in delays)


@given(server=servers(roundings=["up"]), workers=workers, delays=delays)
@settings(max_examples=300)
def test_the_only_user_of_a_key_never_gets_a_429_without_any_reserve(
    server: Server, workers: int, delays: list[tuple[float, float]]
) -> None:
    assume(longest(delays) < server.length)
    reading = read_all_the_time(server, NONE, delays, seconds=6.5 * server.length, workers=workers)
    assert reading.refused == []
    assert reading.budget.reset_skew == 0


@given(server=servers(roundings=["down", "nearest"], shortest=5.0), workers=workers, delays=short_delays)
@settings(max_examples=200)
def test_a_server_that_rounds_down_costs_a_429_at_one_turn_at_most(
    server: Server, workers: int, delays: list[tuple[float, float]]
) -> None:
    reading = read_all_the_time(server, NONE, delays, seconds=8.5 * server.length, workers=workers)
    assert_refused_at_one_turn(reading, server, workers)


@given(
    server=servers(roundings=["down", "nearest"], least=5, shortest=5.0), workers=workers, delays=short_delays
)
@settings(max_examples=200)
def test_with_a_reserve_a_server_that_rounds_down_is_learnt_without_a_429(
    server: Server, workers: int, delays: list[tuple[float, float]]
) -> None:
    reading = read_all_the_time(
        server, Reserve(count=2), delays, seconds=8.5 * server.length, workers=workers
    )
    assert reading.refused == []


#: Windows that begin with a request, and end up to a second later than is told.
late_servers = servers(roundings=["up"], least=5, shortest=5.0, late=eighths(TICK, 0.875)).map(
    lambda server: dataclasses.replace(server, phase=None)
)


@given(server=late_servers, workers=workers, delays=short_delays)
@settings(max_examples=200)
def test_a_server_that_resets_later_than_it_tells_costs_a_429_at_one_turn_at_most(
    server: Server, workers: int, delays: list[tuple[float, float]]
) -> None:
    reading = read_all_the_time(server, NONE, delays, seconds=8.5 * server.length, workers=workers)
    assert_refused_at_one_turn(reading, server, workers)


@given(server=late_servers, workers=workers, delays=short_delays)
@settings(max_examples=200)
def test_with_a_reserve_a_server_that_resets_late_is_learnt_without_a_429(
    server: Server, workers: int, delays: list[tuple[float, float]]
) -> None:
    reading = read_all_the_time(
        server, Reserve(count=2), delays, seconds=8.5 * server.length, workers=workers
    )
    assert reading.refused == []


@given(
    server=servers(roundings=["up"], shortest=3.0, late=eighths(-2, -TICK)), workers=workers, delays=delays
)
@settings(max_examples=200)
def test_a_server_that_resets_earlier_than_it_tells_costs_no_429(
    server: Server, workers: int, delays: list[tuple[float, float]]
) -> None:
    assume(longest(delays) < server.length)
    reading = read_all_the_time(server, NONE, delays, seconds=6.5 * server.length, workers=workers)
    assert reading.refused == []


@given(
    server=servers(roundings=["up"], least=4),
    workers=workers,
    delays=delays,
    reserve=st.integers(1, 3),
    data=st.data(),
)
@settings(max_examples=300)
def test_others_who_stay_within_the_reserve_cost_no_429(
    server: Server, workers: int, delays: list[tuple[float, float]], reserve: int, data: st.DataObject
) -> None:
    assume(longest(delays) < server.length)
    seconds = 6.5 * server.length
    # No more than the reserve in any span as long as a window.
    step = server.length / reserve
    start = data.draw(eighths(0, 5))
    others = [start + at * step + TICK / 2 for at in range(int(seconds / step))]
    reading = read_all_the_time(
        server, Reserve(count=reserve), delays, seconds=seconds, workers=workers, others=others
    )
    assert reading.refused == []


@pytest.mark.parametrize("limit", [1, 2, 20])
@pytest.mark.parametrize("length", [5.0, 10.5, 60.0])
@pytest.mark.parametrize("phase", [None, -1.0, -2.375])
@pytest.mark.parametrize("rounding", ["up", "down", "nearest"])
def test_a_window_costs_the_time_of_one_request_and_by_how_much_its_reset_is_rounded(
    limit: int, length: float, phase: float | None, rounding: Rounding
) -> None:
    server = Server(limit, length, phase, rounding)
    there, back = 0.125, 0.125
    reading = read_all_the_time(server, NONE, [(there, back)], workers=4, seconds=40 * length)
    lost = there + back + (ceil(length) - length if rounding == "up" else 1.0)
    assert len(reading.served) >= limit * int(40 * length / (length + lost))


def test_carried_requests_cost_the_next_window_nothing_once_they_are_answered() -> None:
    """Ten requests are on their way when the first window ends, and are counted in it."""
    budget, late = with_requests_under_way(10, limit=20, ends_at=60.0)
    budget, first = take_one(budget, 60.0)
    budget = answered(budget, 60.1, first, Rate(20, 19, 60))
    # What is on its way may yet be counted here.
    budget, given = take_all(budget, 60.1)
    assert given == 20 - 1 - 10
    for permit in late:
        budget = answered(budget, 60.2, permit, Rate(20, 5, 1))
    assert take_all(budget, 60.2)[1] == 10


def test_carried_requests_that_are_counted_in_the_next_window_are_counted_once() -> None:
    budget, late = with_requests_under_way(10, limit=20, ends_at=60.0)
    budget, first = take_one(budget, 60.0)
    # They reached the server before it did, in its new window.
    budget = answered(budget, 60.1, first, Rate(20, 9, 60))
    assert (budget.used, budget.effective_used) == (11, 11)
    for number, permit in enumerate(late):
        budget = answered(budget, 60.2, permit, Rate(20, 19 - number, 60))
    assert (budget.used, budget.sent, budget.in_flight_previous) == (11, 11, 0)
    assert take_all(budget, 60.2)[1] == 9


def test_permits_of_a_process_that_died_count_until_the_next_window_ends() -> None:
    budget, _ = with_requests_under_way(10, limit=20, ends_at=60.0)
    budget, first = take_one(budget, 60.0)
    budget = answered(budget, 60.1, first, Rate(20, 19, 60))
    budget, _ = take_all(budget, 60.1)
    budget, first = take_one(budget, 120.1)
    assert budget.in_flight_previous == 9
    budget = answered(budget, 120.2, first, Rate(20, 19, 60))
    budget, first = take_one(take_all(budget, 120.2)[0], 180.2)
    assert budget.in_flight_previous == 10


def test_nobody_goes_where_all_of_a_window_may_be_taken_by_what_is_under_way() -> None:
    budget, late = with_requests_under_way(20, limit=20, ends_at=60.0)
    budget, wait = take(budget, 60.0, Purpose.WRITE, NONE)
    assert wait == POLL
    budget = answered(budget, 60.1, late[0], Rate(20, 0, 1))
    take_one(budget, 60.1)


def with_requests_under_way(number: int, *, limit: int, ends_at: float) -> tuple[Budget, list[Permit]]:
    """A budget with so many requests under way that none of them is heard of before the window ends."""
    budget, first = take_one(Budget(), 0.0)
    budget = answered(budget, 0.0, first, Rate(limit, limit - 1 if number < limit else limit, ends_at))
    budget = replace(budget, used=0, sent=0) if number == limit else budget
    permits = []
    for _ in range(number):
        budget, permit = take_one(budget, ends_at - 0.1)
        permits.append(permit)
    return budget, permits


def take_one(budget: Budget, now: float) -> tuple[Budget, Permit]:
    after, permit = take(budget, now, Purpose.FULL, NONE)
    assert isinstance(permit, Permit)
    return after, permit


def take_all(budget: Budget, now: float) -> tuple[Budget, int]:
    """The budget after all permits that there are at this moment, and how many those were."""
    given = 0
    while True:
        budget, permit = take(budget, now, Purpose.FULL, NONE)
        if not isinstance(permit, Permit):
            return budget, given
        given += 1


def test_reads_are_spread_over_the_window_where_that_is_wanted() -> None:
    server = Server(20, 60.0, None)
    reading = read_all_the_time(
        server, Reserve(count=5), [(0.125, 0.125)], workers=4, seconds=250.0, pacing="even"
    )
    # The first of all learns the limit.
    gaps = [later - sooner for sooner, later in pairwise(reading.served[1:])]
    assert min(gaps) > 3.5
    assert max(gaps) < 4.75
    assert len(reading.served) > 0.95 * 15 * 250 / 60


def test_writes_and_what_webhooks_ask_for_are_never_spread() -> None:
    budget, first = take_one(Budget(), 0.0)
    budget = answered(budget, 0.0, first, Rate(20, 19, 60))
    budget, _ = take(budget, 0.0, Purpose.FULL, NONE, "even")
    for purpose, is_spread in zip(Purpose, (False, False, True, True), strict=True):
        _, answer = take(budget, 0.1, purpose, NONE, "even")
        assert isinstance(answer, float) == is_spread


def test_reads_that_come_late_in_a_window_are_spread_over_what_is_left_of_it() -> None:
    budget, first = take_one(Budget(), 0.0)
    budget = answered(budget, 0.0, first, Rate(11, 10, 60))
    budget, permit = take(budget, 50.0, Purpose.FULL, NONE, "even")
    assert isinstance(permit, Permit)
    _, wait = take(budget, 50.0, Purpose.FULL, NONE, "even")
    assert wait == 1.0
