"""Permits against Kombo's fixed windows: single cases, then anything that can happen, in any order."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from syncer.domain.ratelimit.budget import PROBE_PATIENCE, Budget, Permit, Purpose, Rate, Reserve, take
from syncer.domain.ratelimit.responses import answered, refused
from tests.domain.ratelimit.simulated_windows import TICK, Server, UnderWay, eighths, servers

NONE = Reserve()
TENTH = Reserve(share=0.1)


def granted(
    budget: Budget, now: float, purpose: Purpose = Purpose.FULL, reserve: Reserve = NONE
) -> tuple[Budget, Permit]:
    after, permit = take(budget, now, purpose, reserve)
    assert isinstance(permit, Permit)
    return after, permit


def waits(budget: Budget, now: float, purpose: Purpose = Purpose.FULL, reserve: Reserve = NONE) -> float:
    _, wait = take(budget, now, purpose, reserve)
    assert isinstance(wait, float)
    assert wait > 0
    return wait


def opened(now: float = 0.0, *, limit: int = 300, remaining: int | None = None, reset: float = 60) -> Budget:
    """A budget that has had its first answer."""
    budget, permit = granted(Budget(), now)
    left = limit - 1 if remaining is None else remaining
    return answered(budget, now, permit, Rate(limit, left, reset))


# --- the reserve -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reserve", "limit", "expected"),
    [
        (NONE, 300, 0),
        (TENTH, 300, 30),
        (TENTH, 5, 0),
        (Reserve(count=50), 300, 50),
        (Reserve(share=0.1, count=50), 300, 50),
        (Reserve(share=0.5), 1, 0),
        (Reserve(count=50), 2, 1),
        (Reserve(share=1.0), 300, 299),
    ],
)
def test_the_reserve_is_a_share_or_a_count_but_never_all(reserve: Reserve, limit: int, expected: int) -> None:
    assert reserve.of(limit) == expected


@pytest.mark.parametrize("limit", [1, 2])
@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_tiny_limit_does_not_starve_reads(limit: int, purpose: Purpose) -> None:
    budget = opened(limit=limit)
    after, permit = take(budget, 62.0, purpose, Reserve(count=50))
    assert isinstance(permit, Permit)
    assert after.used == 1


def test_reads_leave_the_reserve_to_writes() -> None:
    budget = opened(remaining=30)
    for purpose in (Purpose.WEBHOOK, Purpose.INCREMENTAL, Purpose.FULL):
        assert waits(budget, 1.0, purpose, TENTH) == 59.0
    for _ in range(30):
        budget, _ = granted(budget, 1.0, Purpose.WRITE, TENTH)
    assert waits(budget, 1.0, Purpose.WRITE, TENTH) >= 59.0


# --- learning the limit ------------------------------------------------------------------------------


def test_while_the_limit_is_unknown_one_request_is_under_way() -> None:
    budget, permit = granted(Budget(), 0.0)
    assert waits(budget, 0.0, Purpose.WRITE) < 1
    budget = answered(budget, 1.0, permit, Rate(limit=300, remaining=299, reset=60))
    for _ in range(299):
        budget, _ = granted(budget, 1.0)
    assert waits(budget, 1.0) >= 60


def test_a_request_that_nobody_answers_is_waited_for_so_long_only() -> None:
    budget, _ = granted(Budget(), 0.0)
    assert waits(budget, PROBE_PATIENCE - 0.01) < 0.02
    budget, _ = granted(budget, PROBE_PATIENCE)
    waits(budget, PROBE_PATIENCE + 1)


def test_the_late_answer_of_one_request_does_not_end_the_wait_for_the_next() -> None:
    budget, first = granted(Budget(), 0.0)
    budget, _ = granted(budget, 11.0)
    budget = answered(budget, 12.0, first, None)
    waits(budget, 12.0)


def test_without_headers_requests_of_an_unknown_limit_go_one_by_one() -> None:
    budget, permit = granted(Budget(), 0.0)
    budget = answered(budget, 1.0, permit, None)
    budget, _ = granted(budget, 1.0)
    waits(budget, 1.0)


def test_without_headers_a_known_limit_is_kept_by_our_own_count() -> None:
    """In windows as long as the last one seen."""
    budget, permit = granted(opened(limit=5), 60.0)
    budget = answered(budget, 60.0, permit, Rate(limit=5, remaining=4, reset=58))
    budget, permit = granted(budget, 118.0)
    budget = answered(budget, 119.0, permit, None)
    for _ in range(4):
        budget, _ = granted(budget, 119.0)
    assert waits(budget, 119.0) >= 59


# --- within a window ---------------------------------------------------------------------------------


def test_requests_of_others_count_at_once() -> None:
    budget, permit = granted(opened(limit=10), 1.0)
    budget = answered(budget, 2.0, permit, Rate(limit=10, remaining=1, reset=58))
    budget, _ = granted(budget, 2.0)
    assert waits(budget, 2.0) >= 58


def test_an_older_answer_gives_nothing_back() -> None:
    budget, older = granted(opened(limit=10), 1.0)
    budget, newer = granted(budget, 1.0)
    budget = answered(budget, 2.0, newer, Rate(limit=10, remaining=0, reset=58))
    budget = answered(budget, 2.0, older, Rate(limit=10, remaining=8, reset=58))
    waits(budget, 2.0)


def test_a_lower_limit_holds_at_once_and_a_higher_one_from_the_next_window() -> None:
    budget, permit = granted(opened(limit=10), 1.0)
    budget = answered(budget, 2.0, permit, Rate(limit=5, remaining=3, reset=58))
    assert (budget.limit, budget.used) == (5, 2)
    budget, permit = granted(budget, 3.0)
    budget = answered(budget, 4.0, permit, Rate(limit=20, remaining=13, reset=56))
    assert (budget.limit, budget.used) == (5, 7)
    budget, permit = granted(budget, 61.0)
    budget = answered(budget, 61.0, permit, Rate(limit=20, remaining=19, reset=59))
    assert (budget.limit, budget.used) == (20, 1)


def test_a_window_ends_at_the_earliest_end_told() -> None:
    budget, permit = granted(opened(limit=3), 1.0)
    budget = answered(budget, 9.0, permit, Rate(limit=3, remaining=1, reset=59))
    assert budget.ends_at == 60.0
    budget, permit = granted(budget, 10.0)
    budget = answered(budget, 10.0, permit, Rate(limit=3, remaining=0, reset=49))
    assert budget.ends_at == 59.0


def test_a_slow_answer_is_not_a_new_window() -> None:
    """Its reset was written when the server began to work on it, five seconds ago."""
    budget, slow = granted(opened(limit=10), 1.0)
    for _ in range(7):
        budget, _ = granted(budget, 2.0)
    budget = answered(budget, 6.0, slow, Rate(limit=10, remaining=8, reset=59))
    assert budget.used == 9
    assert budget.ends_at == 60.0


# --- from window to window ---------------------------------------------------------------------------


def test_a_new_window_begins_with_one_request() -> None:
    budget, permit = granted(opened(limit=10, remaining=2), 60.0)
    waits(budget, 60.0)
    budget = answered(budget, 60.5, permit, Rate(limit=10, remaining=9, reset=60))
    for _ in range(9):
        budget, _ = granted(budget, 60.5)
    waits(budget, 60.5)


def test_a_window_that_was_left_early_goes_on() -> None:
    """The reset was cut to whole seconds: the server's window ends at 60.9, ours at 60."""
    budget, permit = granted(opened(limit=10, remaining=1), 60.0)
    budget = answered(budget, 60.1, permit, Rate(limit=10, remaining=0, reset=0))
    assert 1.0 <= waits(budget, 60.1) <= 2.0
    budget = answered(budget, 60.2, permit, Rate(limit=10, remaining=0, reset=0))
    assert 0.8 < waits(budget, 60.2) < 1


def test_a_window_that_was_left_early_is_not_left_early_again() -> None:
    budget, permit = granted(opened(limit=10, remaining=8), 60.0)
    budget = answered(budget, 60.1, permit, Rate(limit=10, remaining=7, reset=0))
    budget, permit = granted(budget, 60.2)
    budget = answered(budget, 60.3, permit, Rate(limit=10, remaining=6, reset=0))
    for _ in range(6):
        budget, _ = granted(budget, 60.3)
    waits(budget, 60.3)
    assert waits(budget, 60.9) < 1.3


def test_a_window_without_room_is_left_when_it_ends() -> None:
    budget = opened(limit=10, remaining=0)
    assert waits(budget, 59.5) == 0.5
    granted(budget, 60.0)


def test_where_a_window_ran_on_the_next_are_left_a_second_later() -> None:
    budget, permit = granted(opened(limit=10, remaining=1), 60.0)
    budget = answered(budget, 60.1, permit, Rate(limit=10, remaining=0, reset=0))
    assert budget.reset_skew == 1.0
    budget, permit = granted(budget, 61.1)
    budget = answered(budget, 61.1, permit, Rate(limit=10, remaining=0, reset=59))
    assert waits(budget, 120.1) == 1.0
    granted(budget, 121.1)


def test_a_429_right_after_the_end_tells_the_same() -> None:
    budget, permit = granted(opened(limit=10, remaining=0), 60.0)
    budget = refused(budget, 60.1, permit, Rate(limit=10, remaining=0, reset=0), 0)
    assert (budget.reset_skew, budget.refusals) == (1.0, 1)
    assert waits(budget, 60.1) == 1.0


@pytest.mark.parametrize("reset", [1.0, 40.0])
def test_others_who_used_a_window_while_we_were_idle_teach_nothing(reset: float) -> None:
    told = Rate(limit=10, remaining=0, reset=reset)
    budget, permit = granted(opened(limit=10, remaining=0), 500.0)
    assert answered(budget, 500.1, permit, told).reset_skew == 0
    assert refused(budget, 500.1, permit, told, reset).reset_skew == 0


def test_others_who_used_up_the_new_window_before_us_teach_nothing() -> None:
    budget, permit = granted(opened(limit=10, remaining=0), 60.0)
    assert refused(budget, 60.1, permit, Rate(limit=10, remaining=0, reset=60), 60).reset_skew == 0


def test_a_window_that_just_began_may_last_a_second_only() -> None:
    _, permit = granted(opened(limit=2, reset=1), 1.0)
    assert permit.window == 1


def test_a_failed_request_does_not_open_a_window_that_may_be_early() -> None:
    budget, permit = granted(opened(limit=10, remaining=2), 60.0)
    budget = answered(budget, 60.1, permit, None)
    waits(budget, 60.9)
    granted(budget, 61.0)


def test_the_server_may_begin_a_window_before_ours_ends() -> None:
    budget, permit = granted(opened(limit=10, remaining=1), 59.5)
    budget = answered(budget, 59.6, permit, Rate(limit=10, remaining=7, reset=60))
    for _ in range(7):
        budget, _ = granted(budget, 59.6)
    assert waits(budget, 59.6) > 59.9


def test_an_answer_of_a_window_that_is_over_says_nothing() -> None:
    budget, old = granted(opened(limit=10, remaining=2), 59.0)
    budget, permit = granted(budget, 60.0)
    budget = answered(budget, 60.1, permit, Rate(limit=10, remaining=9, reset=60))
    budget = answered(budget, 60.2, old, Rate(limit=10, remaining=0, reset=1))
    granted(budget, 60.2)


def test_a_request_of_the_last_window_may_have_been_counted_in_this_one() -> None:
    budget, late = granted(opened(limit=10, remaining=2), 59.9)
    budget, permit = granted(budget, 60.0)
    budget = answered(budget, 60.1, permit, Rate(limit=10, remaining=9, reset=60))
    budget = answered(budget, 60.2, late, Rate(limit=10, remaining=8, reset=60))
    assert budget.used == 2


def test_an_answer_of_an_earlier_window_does_not_open_the_next() -> None:
    budget, old = granted(opened(limit=10, remaining=2), 59.0)
    budget, _ = granted(budget, 60.0)
    waits(answered(budget, 60.1, old, Rate(limit=10, remaining=1, reset=1)), 60.1)
    waits(answered(budget, 60.1, old, None), 60.1)


def test_a_write_that_fits_into_the_reserve_does_not_wait_for_what_another_request_learns() -> None:
    reserve = Reserve(count=2)
    budget, first = granted(opened(limit=10), 60.0)
    assert take(budget, 60.1, Purpose.INCREMENTAL, reserve)[1] == pytest.approx(0.05)
    after, write = take(budget, 60.1, Purpose.WRITE, reserve)
    assert isinstance(write, Permit)
    # The others wait for the first one all the same, and no longer than before.
    assert take(after, 60.1 + PROBE_PATIENCE - 0.2, Purpose.INCREMENTAL, reserve)[1] == pytest.approx(0.05)
    assert isinstance(take(after, 60.0 + PROBE_PATIENCE, Purpose.INCREMENTAL, reserve)[1], Permit)
    known = answered(after, 60.2, first, Rate(10, 8, 60))
    assert isinstance(take(known, 60.2, Purpose.FULL, reserve)[1], Permit)
    # Without a reserve there may be no room for it.
    assert take(budget, 60.1, Purpose.WRITE, Reserve())[1] == pytest.approx(0.05)


# --- 429 ---------------------------------------------------------------------------------------------

USED_UP = Rate(limit=10, remaining=0, reset=30)


@pytest.mark.parametrize("rate", [USED_UP, None])
def test_after_a_429_nothing_goes_out_before_the_reset(rate: Rate | None) -> None:
    budget, other = granted(opened(limit=10), 1.0)
    budget, permit = granted(budget, 1.0)
    budget = refused(budget, 2.0, permit, rate, 30.0)
    assert waits(budget, 2.0, Purpose.WRITE) == 30.0
    for late in (None, Rate(limit=10, remaining=8, reset=58), Rate(limit=10, remaining=8, reset=20)):
        assert waits(answered(budget, 3.0, other, late), 3.0, Purpose.WRITE) == 29.0
    # The reset may have been cut to whole seconds.
    assert waits(budget, 32.0) == 1.0
    granted(budget, 33.0)


def test_a_429_counts_also_if_its_request_was_of_an_earlier_window() -> None:
    budget, old = granted(opened(limit=10, remaining=5), 59.9)
    budget, permit = granted(budget, 60.0)
    budget = answered(budget, 60.1, permit, Rate(limit=10, remaining=9, reset=60))
    assert waits(refused(budget, 60.2, old, USED_UP, 30.0), 60.2) == 30.0


@pytest.mark.parametrize("rate", [USED_UP, None])
def test_a_429_to_the_first_request_of_all_holds_everybody_back(rate: Rate | None) -> None:
    budget, permit = granted(Budget(), 0.0)
    budget = refused(budget, 1.0, permit, rate, 30.0)
    assert waits(budget, 1.0) == 30.0
    budget, permit = granted(budget, 32.0)
    waits(budget, 32.0)
    granted(answered(budget, 33.0, permit, None), 33.0)


def test_a_429_of_an_unknown_limit_outlasts_the_answer_to_the_next_request() -> None:
    budget, first = granted(Budget(), 0.0)
    budget, second = granted(budget, 11.0)
    budget = refused(budget, 12.0, first, None, 30.0)
    for rate in (None, Rate(limit=10, remaining=8, reset=50)):
        assert waits(answered(budget, 13.0, second, rate), 13.0) == 29.0


def test_a_429_does_not_end_the_wait_for_the_answer_to_the_next_request() -> None:
    budget, first = granted(Budget(), 0.0)
    budget, _ = granted(budget, 11.0)
    waits(refused(budget, 12.0, first, None, 1.0), 14.0)


def test_the_longer_of_two_429s_counts() -> None:
    budget, first = granted(opened(limit=10), 1.0)
    budget, second = granted(budget, 1.0)
    budget = refused(budget, 2.0, first, USED_UP, 30.0)
    assert waits(refused(budget, 3.0, second, USED_UP, 5.0), 3.0) == 29.0


def test_a_request_that_is_refused_is_under_way_no_longer() -> None:
    budget, former = granted(opened(limit=10), 59.9)
    budget, permit = granted(budget, 60.0)
    assert (budget.in_flight, budget.in_flight_previous) == (1, 1)
    budget = refused(budget, 60.1, permit, USED_UP, 30.0)
    assert (budget.in_flight, budget.in_flight_previous) == (0, 1)
    budget = refused(budget, 60.2, former, USED_UP, 30.0)
    assert (budget.in_flight, budget.in_flight_previous) == (0, 0)


def test_429s_are_counted() -> None:
    budget, first = granted(opened(limit=10), 1.0)
    budget, second = granted(budget, 1.0)
    budget = refused(refused(budget, 2.0, first, USED_UP, 30.0), 2.0, second, None, 30.0)
    assert budget.refusals == 2


# --- anything in any order ---------------------------------------------------------------------------


reserves = st.builds(Reserve, share=st.sampled_from([0.0, 0.1, 0.5, 1.0]), count=st.integers(0, 15))
places = st.integers(0, 1000)


class EverythingGoesWrong(RuleBasedStateMachine):
    """Other users, a limit that changes, answers out of order, without headers or none at all."""

    @initialize(server=servers(), reserve=reserves)
    def begin(self, server: Server, reserve: Reserve) -> None:
        self.now = 0.0
        self.server = server
        self.reserve = reserve
        self.budget = Budget()
        self.under_way: list[UnderWay] = []
        self.taken: Counter[int] = Counter()
        self.blocked_until = 0.0

    @rule(seconds=eighths(TICK, 70) | st.sampled_from([TICK, 1.0, 10.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(purpose=st.sampled_from(Purpose), times=st.sampled_from([1, 1, 3, 15]))
    def ask(self, purpose: Purpose, times: int) -> None:
        for _ in range(times):
            if not self.take(purpose):
                break

    def take(self, purpose: Purpose) -> float:
        """0.0 or the seconds to wait. All that must hold for a permit is asserted here."""
        self.budget, permit = take(self.budget, self.now, purpose, self.reserve)
        if not isinstance(permit, Permit):
            assert permit > 0
            return permit
        assert self.now >= self.blocked_until
        limit = self.budget.limit
        waited_for = [r for r in self.under_way if r.permit.taken_at > self.now - PROBE_PATIENCE]
        self.taken[permit.window] += 1
        if limit is None:
            assert waited_for == []
        elif purpose is Purpose.WRITE:
            assert self.taken[permit.window] <= limit
        else:
            assert self.taken[permit.window] <= limit - self.reserve.of(limit)
        if not self.budget.confirmed and not self.is_within_reserve(purpose):
            others = [r for r in waited_for if not self.is_within_reserve(r.permit.purpose)]
            assert [r for r in others if r.permit.window == permit.window] == []
        self.under_way.append(UnderWay(permit))
        return 0.0

    def is_within_reserve(self, purpose: Purpose) -> bool:
        """Tell whether a request need not wait for what another one learns of a window."""
        limit = self.budget.limit
        return purpose is Purpose.WRITE and limit is not None and self.reserve.of(limit) > 0

    @precondition(lambda self: self.under_way)
    @rule(place=places)
    def reach_server(self, place: int) -> None:
        request = self.under_way[place % len(self.under_way)]
        request.answer = request.answer or self.server.serve(self.now)

    @precondition(lambda self: self.under_way)
    @rule(place=places, headers=st.sampled_from([True, True, True, False]))
    def answer(self, place: int, headers: bool) -> None:
        self.reach_server(place)
        request = self.under_way.pop(place % len(self.under_way))
        assert request.answer is not None
        fits, rate = request.answer
        told = rate if headers else None
        if fits:
            self.budget = answered(self.budget, self.now, request.permit, told)
        else:
            self.blocked_until = max(self.blocked_until, self.now + rate.reset)
            self.budget = refused(self.budget, self.now, request.permit, told, rate.reset)

    @precondition(lambda self: self.under_way)
    @rule(place=places)
    def lose(self, place: int) -> None:
        request = self.under_way.pop(place % len(self.under_way))
        self.budget = answered(self.budget, self.now, request.permit, None)

    @rule(requests=st.integers(1, 12))
    def others_ask(self, requests: int) -> None:
        self.server.serve(self.now, requests)

    @rule(limit=st.integers(1, 12))
    def limit_changes(self, limit: int) -> None:
        self.server.limit = limit
        self.server.used = min(self.server.used, limit)

    def teardown(self) -> None:
        """Whatever has happened, somebody who waits as told gets a permit."""
        if not hasattr(self, "budget"):
            return
        begun = self.now
        for purpose in Purpose:
            while wait := self.take(purpose):
                self.now += wait
            self.now += PROBE_PATIENCE
        assert self.now - begun < 1000


TestEverythingGoesWrong = EverythingGoesWrong.TestCase
TestEverythingGoesWrong.settings = settings(max_examples=100, stateful_step_count=40)
