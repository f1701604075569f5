"""How often streams are asked: what is known of their changes, and what the budget makes of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.domain.scheduling.intervals import (
    DAY,
    MEMORY,
    NEWS,
    Asked,
    Behind,
    Pace,
    Seen,
    about_integrations,
    after_run,
    alike,
    behind,
    fitting_stretch,
    interval,
    load,
    near,
    next_turn,
)

QUARTER, HOUR = 900.0, 3_600.0
PACE = Pace(QUARTER, DAY)
NOW = 2e9
ID = "tool:1"

rates = st.floats(1e-7, 1.0)
stretches = st.floats(0, 1e5)
paces = st.builds(lambda every, times: Pace(every, every * times), st.floats(1, DAY), st.floats(1, 100))


# --- what is known of a stream


def test_a_stream_is_new_until_its_first_run() -> None:
    assert Seen().rate is None
    assert after_run(Seen(), 0.0, changed=True) == Seen()


def test_a_quiet_stream_is_believed_to_change_ever_less() -> None:
    seen, before = Seen(), 1.0
    for _ in range(50):
        seen = after_run(seen, HOUR, changed=False)
        assert seen.rate is not None
        assert seen.rate < before
        before = seen.rate


@given(times=st.integers(50, 200), elapsed=st.floats(QUARTER, HOUR))
def test_a_stream_that_changes_each_time_is_believed_to(times: int, elapsed: float) -> None:
    seen = Seen(0.0, elapsed)
    for _ in range(times):
        seen = after_run(seen, elapsed, changed=True)
    assert seen.rate == pytest.approx(1 / elapsed, rel=0.05)


def test_what_was_seen_long_ago_fades() -> None:
    busy = Seen(100.0, DAY)
    assert after_run(busy, 5 * MEMORY, changed=False).changes < 1


def test_a_change_where_nothing_was_known_has_just_happened() -> None:
    assert after_run(Seen(), DAY, changed=True) == Seen(1.0, NEWS)
    assert after_run(Seen(), DAY, changed=False) == Seen(0.0, DAY)


# --- intervals


@given(pace=paces, rate=st.none() | rates, stretch=stretches)
def test_an_interval_is_between_the_shortest_and_the_longest(
    pace: Pace, rate: float | None, stretch: float
) -> None:
    assert pace.every <= interval(ID, pace, rate, stretch) <= pace.longest * (1 + 1e-9)


@given(pace=paces, rate=rates, busier=rates, stretch=stretches)
def test_a_busier_stream_is_never_asked_less_often(
    pace: Pace, rate: float, busier: float, stretch: float
) -> None:
    rate, busier = sorted((rate, busier))
    assert interval(ID, pace, busier, stretch) <= interval(ID, pace, rate, stretch)


@pytest.mark.parametrize(
    ("pace", "rate", "stretch"),
    [(PACE, 1e-6, 0.0), (PACE, None, 1e9), (Pace(QUARTER, QUARTER), 1e-6, 1e9)],
    ids=["all fit", "nothing is known of it", "it must not be stretched"],
)
def test_the_shortest_interval_holds_where(pace: Pace, rate: float | None, stretch: float) -> None:
    assert interval(ID, pace, rate, stretch) == QUARTER
    assert next_turn("a", pace, rate, stretch, NOW) == NOW + QUARTER


def test_intervals_follow_the_square_root_of_the_rate() -> None:
    names = [f"tool:{number}" for number in range(2_000)]

    def turns(rate: float) -> float:
        return sum(DAY / interval(name, PACE, rate, 20.0) for name in names)

    assert turns(16 / DAY) / turns(1 / DAY) == pytest.approx(4, rel=0.1)


@given(rate=rates, stretch=stretches)
def test_what_many_streams_need_is_what_their_intervals_make(rate: float, stretch: float) -> None:
    names = [f"tool:{number}" for number in range(2_000)]
    needed = sum(1 / interval(name, PACE, rate, stretch) for name in names)
    assert load({Asked(PACE, rate): len(names)}, stretch) == pytest.approx(needed, rel=0.05)


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
    length = interval(integration, PACE, rate, stretch)
    turn = next_turn(integration, PACE, rate, stretch, last)
    assert last + QUARTER <= turn <= last + max(length, QUARTER) + 1e-3


@given(integration=st.text(max_size=9), stretch=st.floats(1, 1e4), last=st.floats(NOW, NOW + DAY))
def test_a_quiet_stream_has_its_turns_with_the_busier_ones_of_its_integration(
    integration: str, stretch: float, last: float
) -> None:
    quiet, busier = 1e-6, 1e-5
    turn = next_turn(integration, PACE, quiet, stretch, last)
    if turn == last + QUARTER:
        return
    # The busier one, asked at its own turns until then, comes at that time too.
    length = interval(integration, PACE, busier, stretch)
    just_before = turn - length / 2
    with_it = next_turn(integration, PACE, busier, stretch, just_before)
    assert length <= QUARTER or with_it == pytest.approx(max(turn, just_before + QUARTER), abs=1e-3)


def test_integrations_have_their_turns_at_different_times() -> None:
    turns = {round(next_turn(f"tool:{each}", PACE, 1e-6, 1e9, NOW)) for each in range(100)}
    assert len(turns) > 90
    assert max(turns) - min(turns) > 0.8 * interval(ID, PACE, 1e-6, 1e9)


# --- the stretch

kinds = st.dictionaries(
    st.builds(Asked, paces, st.none() | rates, st.floats(1, 20)),
    st.integers(1, 1_000),
    min_size=1,
    max_size=8,
)


@given(asked=kinds, one=stretches, other=stretches)
def test_a_greater_stretch_never_needs_more(asked: dict[Asked, float], one: float, other: float) -> None:
    one, other = sorted((one, other))
    assert load(asked, other) <= load(asked, one) * (1 + 1e-9)


@given(asked=kinds, permitted=st.floats(1e-4, 1e4))
def test_the_stretch_is_the_smallest_that_fits(asked: dict[Asked, float], permitted: float) -> None:
    stretch = fitting_stretch(asked, permitted)
    if load(asked, 0) <= permitted:
        assert stretch == 0
    elif load(asked, stretch) <= permitted:
        assert load(asked, stretch * 0.99) > permitted
    else:
        # Nothing fits, and nothing more can be done.
        assert load(asked, stretch) == pytest.approx(load(asked, 1e12))


def test_streams_that_change_about_as_often_are_alike() -> None:
    asked = [("a", Asked(PACE, near(rate))) for rate in (2**-17, 1.02 * 2**-17, 2**-15)]
    assert sorted(alike(asked).values()) == [1, 2]
    assert near(None) is None


def test_an_integration_is_asked_about_with_its_busiest_stream_and_not_while_the_answer_is_good() -> None:
    quiet, busy = Asked(PACE, near(1e-6)), Asked(PACE, near(1e-3))
    streams = [("a", quiet), ("a", busy), ("b", quiet), ("c", busy), ("c", replace(quiet, rate=None))]
    assert about_integrations(streams, 600) == {
        Asked(PACE, near(1e-3)): 1,
        Asked(PACE, near(1e-6)): 1,
        Asked(PACE, None): 1,
    }
    often = [("a", Asked(Pace(240, DAY), None))]
    assert about_integrations(often, 600) == {Asked(Pace(720, DAY), None): 1}


# --- behind


def test_a_schedule_is_behind_by_the_streams_that_wait_longer_than_their_interval() -> None:
    assert behind([]) is None
    assert behind([(900, 900), (3_000, 7_200)]) is None
    assert behind([(901, 900), (3_000, 7_200), (8_000, 7_200)]) == Behind(2, 8_000)
