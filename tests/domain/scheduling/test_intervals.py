"""How often streams are profiles: what is known of their changes, and what the budget makes of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from syncer.domain.scheduling.intervals import (
    DAY,
    MEMORY,
    NEWS,
    Backlog,
    ChangeHistory,
    IntervalBounds,
    PollProfile,
    fit_stretch,
    group,
    group_integrations,
    is_poll_due,
    measure_backlog,
    next_poll,
    poll_interval,
    quantize,
    request_rate,
    update_history,
)

QUARTER, HOUR = 900.0, 3_600.0
BOUNDS = IntervalBounds(QUARTER, DAY)
NOW = 2e9
ID = "tool:1"

rates = st.floats(1e-7, 1.0)
stretches = st.floats(0, 1e5)
all_bounds = st.builds(
    lambda every, times: IntervalBounds(every, every * times), st.floats(1, DAY), st.floats(1, 100)
)


# --- what is known of a stream


def test_a_stream_is_new_until_its_first_run() -> None:
    assert ChangeHistory().rate is None
    assert update_history(ChangeHistory(), 0.0, changed=True) == ChangeHistory()


def test_a_quiet_stream_is_believed_to_change_ever_less() -> None:
    seen, before = ChangeHistory(), 1.0
    for _ in range(50):
        seen = update_history(seen, HOUR, changed=False)
        assert seen.rate is not None
        assert seen.rate < before
        before = seen.rate


@given(times=st.integers(50, 200), elapsed=st.floats(QUARTER, HOUR))
def test_a_stream_that_changes_each_time_is_believed_to(times: int, elapsed: float) -> None:
    seen = ChangeHistory(0.0, elapsed)
    for _ in range(times):
        seen = update_history(seen, elapsed, changed=True)
    assert seen.rate == pytest.approx(1 / elapsed, rel=0.05)


def test_what_was_seen_long_ago_fades() -> None:
    busy = ChangeHistory(100.0, DAY)
    assert update_history(busy, 5 * MEMORY, changed=False).changes < 1


def test_a_change_where_nothing_was_known_has_just_happened() -> None:
    assert update_history(ChangeHistory(), DAY, changed=True) == ChangeHistory(1.0, NEWS)
    assert update_history(ChangeHistory(), DAY, changed=False) == ChangeHistory(0.0, DAY)


# --- intervals


@given(bounds=all_bounds, rate=st.none() | rates, stretch=stretches)
def test_an_interval_is_between_the_shortest_and_the_longest(
    bounds: IntervalBounds, rate: float | None, stretch: float
) -> None:
    assert bounds.shortest <= poll_interval(ID, bounds, rate, stretch) <= bounds.longest * (1 + 1e-9)


@given(bounds=all_bounds, rate=rates, busier=rates, stretch=stretches)
def test_a_busier_stream_is_never_asked_less_often(
    bounds: IntervalBounds, rate: float, busier: float, stretch: float
) -> None:
    rate, busier = sorted((rate, busier))
    assert poll_interval(ID, bounds, busier, stretch) <= poll_interval(ID, bounds, rate, stretch)


@pytest.mark.parametrize(
    ("bounds", "rate", "stretch"),
    [(BOUNDS, 1e-6, 0.0), (BOUNDS, None, 1e9), (IntervalBounds(QUARTER, QUARTER), 1e-6, 1e9)],
    ids=["all fit", "nothing is known of it", "it must not be stretched"],
)
def test_the_shortest_interval_holds_where(
    bounds: IntervalBounds, rate: float | None, stretch: float
) -> None:
    assert poll_interval(ID, bounds, rate, stretch) == QUARTER
    assert next_poll("a", bounds, rate, stretch, NOW) == NOW + QUARTER


def test_intervals_follow_the_square_root_of_the_rate() -> None:
    names = [f"tool:{number}" for number in range(2_000)]

    def polls(rate: float) -> float:
        return sum(DAY / poll_interval(name, BOUNDS, rate, 20.0) for name in names)

    assert polls(16 / DAY) / polls(1 / DAY) == pytest.approx(4, rel=0.1)


@given(rate=rates, stretch=stretches)
def test_what_many_streams_need_is_what_their_intervals_make(rate: float, stretch: float) -> None:
    names = [f"tool:{number}" for number in range(2_000)]
    needed = sum(3 / poll_interval(name, BOUNDS, rate, stretch) for name in names)
    profiles = {PollProfile(BOUNDS, rate, requests=3): len(names)}
    assert request_rate(profiles, stretch) == pytest.approx(needed, rel=0.05)


# --- turns


@given(
    integration=st.text(max_size=9),
    rate=rates,
    stretch=stretches,
    last=st.floats(NOW, NOW + DAY),
)
def test_the_next_turn_is_after_the_shortest_interval_and_not_after_the_own(
    integration: str, rate: float, stretch: float, last: float
) -> None:
    length = poll_interval(integration, BOUNDS, rate, stretch)
    turn = next_poll(integration, BOUNDS, rate, stretch, last)
    assert last + QUARTER <= turn <= last + max(length, QUARTER) + 1e-3


@given(integration=st.text(max_size=9), stretch=st.floats(1, 1e4), last=st.floats(NOW, NOW + DAY))
def test_a_quiet_stream_has_its_turns_with_the_busier_ones_of_its_integration(
    integration: str, stretch: float, last: float
) -> None:
    quiet, busier = 1e-6, 1e-5
    turn = next_poll(integration, BOUNDS, quiet, stretch, last)
    if turn == last + QUARTER:
        return
    # The busier one, profiles at its own turns until then, comes at that time too.
    length = poll_interval(integration, BOUNDS, busier, stretch)
    just_before = turn - length / 2
    with_it = next_poll(integration, BOUNDS, busier, stretch, just_before)
    assert length <= QUARTER or with_it == pytest.approx(max(turn, just_before + QUARTER), abs=1e-3)


def test_integrations_have_their_turns_at_different_times() -> None:
    turns = {round(next_poll(f"tool:{each}", BOUNDS, 1e-6, 1e9, NOW)) for each in range(100)}
    assert len(turns) > 90
    assert max(turns) - min(turns) > 0.8 * poll_interval(ID, BOUNDS, 1e-6, 1e9)


@given(
    integration=st.text(max_size=9),
    rate=rates,
    stretch=stretches,
    last=st.floats(NOW, NOW + DAY),
    early=st.floats(1, DAY),
)
def test_a_tick_polls_a_stream_from_its_time_on(
    integration: str, rate: float, stretch: float, last: float, early: float
) -> None:
    due_at = next_poll(integration, BOUNDS, rate, stretch, last)
    assert is_poll_due(integration, BOUNDS, rate, stretch, last, due_at)
    is_stretched = poll_interval(integration, BOUNDS, rate, stretch) > QUARTER
    assert is_poll_due(integration, BOUNDS, rate, stretch, last, due_at - early) is not is_stretched


# --- the stretch

kinds = st.dictionaries(
    st.builds(PollProfile, all_bounds, st.none() | rates, st.floats(1, 20)),
    st.integers(1, 1_000),
    min_size=1,
    max_size=8,
)


@given(profiles=kinds, one=stretches, other=stretches)
def test_a_greater_stretch_never_needs_more(
    profiles: dict[PollProfile, float], one: float, other: float
) -> None:
    one, other = sorted((one, other))
    assert request_rate(profiles, other) <= request_rate(profiles, one) * (1 + 1e-9)


@given(profiles=kinds, permitted=st.floats(1e-4, 1e4))
def test_the_stretch_is_the_smallest_that_fits(profiles: dict[PollProfile, float], permitted: float) -> None:
    stretch = fit_stretch(profiles, permitted)
    if request_rate(profiles, 0) <= permitted:
        assert stretch == 0
    elif request_rate(profiles, stretch) <= permitted:
        assert request_rate(profiles, stretch * 0.99) > permitted
    else:
        # Nothing fits, and nothing more can be done.
        assert request_rate(profiles, stretch) == pytest.approx(request_rate(profiles, 1e12))


def test_streams_that_change_about_as_often_are_alike() -> None:
    profiles = [("a", PollProfile(BOUNDS, quantize(rate))) for rate in (2**-17, 1.02 * 2**-17, 2**-15)]
    assert sorted(group(profiles).values()) == [1, 2]
    assert quantize(None) is None


def test_an_integration_is_asked_about_with_its_busiest_stream_and_not_while_the_answer_is_good() -> None:
    quiet, busy = PollProfile(BOUNDS, quantize(1e-6)), PollProfile(BOUNDS, quantize(1e-3))
    streams = [("a", quiet), ("a", busy), ("b", quiet), ("c", busy), ("c", replace(quiet, rate=None))]
    assert group_integrations(streams, 600) == {
        PollProfile(BOUNDS, quantize(1e-3)): 1,
        PollProfile(BOUNDS, quantize(1e-6)): 1,
        PollProfile(BOUNDS, None): 1,
    }
    often = [("a", PollProfile(IntervalBounds(240, DAY), None))]
    assert group_integrations(often, 600) == {PollProfile(IntervalBounds(720, DAY), None): 1}


# --- behind


def test_a_schedule_is_behind_by_the_streams_that_wait_longer_than_their_interval() -> None:
    assert measure_backlog([]) is None
    assert measure_backlog([(900, 900), (3_000, 7_200)]) is None
    assert measure_backlog([(901, 900), (3_000, 7_200), (8_000, 7_200)]) == Backlog(2, 8_000)
