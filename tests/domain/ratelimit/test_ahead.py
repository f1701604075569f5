"""Permits taken ahead: few, never beyond the window, never of the reserve, and given back unused."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from syncer.domain.ratelimit.ahead import HELD_FOR, MOST, SHARE, give_back, is_scarce, take_ahead
from syncer.domain.ratelimit.budget import Budget, Pacing, Permit, Purpose, Rate, Reserve, take
from syncer.domain.ratelimit.responses import answered
from syncer.domain.ratelimit.waiters import Waiting
from tests.domain.ratelimit.simulated_windows import Server, eighths, read_ahead, servers

FULL, NONE = Purpose.FULL, Reserve()


def opened(limit: int = 300, used: int = 0, *, ends_at: float = 60.0) -> Budget:
    """An open window of which so much is used, all of it by us."""
    return Budget(
        limit=limit, used=used, sent=used, ends_at=ends_at, earliest_end=ends_at - 1, confirmed=True
    )


def number(budget: Budget, now: float = 0.0, purpose: Purpose = FULL, reserve: Reserve = NONE) -> int:
    return len(take_ahead(budget, now, purpose, reserve)[1])


@pytest.mark.parametrize(
    ("left", "taken"), [(300, MOST), (MOST * SHARE, MOST), (2 * SHARE + 7, 2), (SHARE, 1), (SHARE - 1, 0)]
)
def test_the_less_a_window_has_left_the_fewer_are_taken(left: int, taken: int) -> None:
    assert number(opened(300, 300 - left)) == taken


def test_the_reserve_is_left_alone() -> None:
    assert number(opened(20, 0), reserve=Reserve(count=12)) == 1
    assert number(opened(20, 1), reserve=Reserve(count=12)) == 0


@pytest.mark.parametrize(
    "budget",
    [
        Budget(),
        replace(opened(), confirmed=False),
        replace(opened(), limit=None),
        replace(opened(), waiting=(Waiting("another", Purpose.WEBHOOK, 1, 5.0),)),
        replace(opened(), waiting=(Waiting("another", Purpose.FULL, 1, 5.0),)),
        replace(opened(), webhooks_expected=300.0, used=150, sent=150),
        replace(opened(), probe_until=10.0),
        opened(ends_at=1.0),
    ],
)
def test_none_are_taken_where_others_may_need_them(budget: Budget) -> None:
    assert take_ahead(budget, 0.0, FULL, NONE)[:2] == (budget, [])


@pytest.mark.parametrize("purpose", [Purpose.WRITE, Purpose.WEBHOOK])
def test_none_are_taken_for_what_comes_one_at_a_time(purpose: Purpose) -> None:
    assert number(opened(), purpose=purpose) == 0


@pytest.mark.parametrize("pacing", ["even"])
def test_none_are_taken_where_reads_are_spread_over_the_window(pacing: Pacing) -> None:
    assert take_ahead(opened(), 0.0, FULL, NONE, pacing)[1] == []


def test_they_are_good_for_two_seconds_and_not_for_the_last_one_of_their_window() -> None:
    assert take_ahead(opened(), 10.0, FULL, NONE)[2] == HELD_FOR
    assert take_ahead(opened(), 57.5, FULL, NONE)[2] == 1.5


@given(
    limit=st.integers(1, 400),
    used=st.integers(0, 400),
    others=st.integers(0, 50),
    reserve=st.integers(0, 40),
    now=eighths(0, 60),
)
def test_what_is_given_back_was_never_taken(
    limit: int, used: int, others: int, reserve: int, now: float
) -> None:
    before = replace(opened(limit, used), used=used + others)
    ceiling = limit - Reserve(count=reserve).of(limit)
    after, permits, _ = take_ahead(before, now, FULL, Reserve(count=reserve))
    assert after.effective_used <= max(ceiling, before.effective_used)
    assert give_back(after, permits) == before


def test_those_of_a_window_that_has_ended_no_longer_count_in_the_next() -> None:
    budget, permits, _ = take_ahead(opened(), 0.0, FULL, NONE)
    turned, _ = take(budget, 60.0, FULL, NONE)
    assert turned.in_flight_previous == len(permits)
    assert give_back(turned, permits).in_flight_previous == 0
    assert give_back(turned, permits).sent == turned.sent


def test_what_an_answer_has_told_of_others_is_not_forgotten() -> None:
    budget, permit = take(opened(300, 99), 0.0, FULL, NONE)
    assert isinstance(permit, Permit)
    budget, permits, _ = take_ahead(budget, 0.0, FULL, NONE)
    after = answered(give_back(budget, permits), 1.0, permit, Rate(300, 80, 59))
    assert after.used == 220


def test_few_left_for_all_are_scarce() -> None:
    assert not is_scarce(8, Rate(300, 200, 30), Reserve(count=30))
    assert is_scarce(8, Rate(300, 60, 30), Reserve(count=30))
    assert not is_scarce(0, Rate(300, 60, 30), Reserve(count=30))


delays = st.lists(st.tuples(eighths(0.125, 1.5), eighths(0, 1.5)), min_size=1, max_size=40)


@given(
    server=servers(roundings=["up"], least=8, most=100, shortest=3.0),
    workers=st.integers(1, 8),
    delays=delays,
)
@settings(max_examples=60)
def test_the_only_user_of_a_key_who_takes_ahead_never_gets_a_429(
    server: Server, workers: int, delays: list[tuple[float, float]]
) -> None:
    assume(max(there for there, _ in delays) + max(back for _, back in delays) < server.length)
    reading = read_ahead(server, NONE, delays, seconds=4.5 * server.length, workers=workers)
    assert reading.refused == []


@given(
    server=servers(roundings=["up"], least=40, most=100, shortest=10.0),
    workers=st.integers(1, 8),
    others=st.lists(eighths(0, 60), max_size=20),
)
@settings(max_examples=60)
def test_others_within_the_reserve_are_left_their_requests(
    server: Server, workers: int, others: list[float]
) -> None:
    assume(all(sum(at <= each < at + server.length for each in others) <= 4 for at in others))
    reading = read_ahead(
        server, Reserve(count=8), [(0.25, 0.125)], seconds=45.0, workers=workers, others=others
    )
    assert reading.refused == []
