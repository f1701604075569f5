"""Who goes next: urgency, the turns of the integrations, and places that are given up."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.scheduling.fairness import run_to_preempt, streams_to_start
from syncer.domain.stream_key import StreamKey

keys = st.builds(StreamKey, st.sampled_from("ABCD"), st.integers(0, 9).map(str))
some_keys = st.lists(keys, unique=True, max_size=25)


def runs(running: list[StreamKey]) -> Counter[str]:
    return Counter(integration for integration, _ in running)


def start(due: list[StreamKey], running: list[StreamKey], count: int = 1) -> list[StreamKey]:
    """Give what is started next of streams that are as urgent, where no integration has had a turn."""
    return streams_to_start(dict.fromkeys(due, 2), {}, running, count)


def test_a_webhook_goes_first_whenever_its_integration_had_a_turn() -> None:
    due = {
        StreamKey("A", "1"): 2,
        StreamKey("B", "1"): 2,
        StreamKey("C", "1"): int(Purpose.WEBHOOK),
        StreamKey("C", "2"): 3,
    }
    assert streams_to_start(due, {"C": 9, "B": 3}, [], 9) == [
        StreamKey("C", "1"),
        StreamKey("A", "1"),
        StreamKey("B", "1"),
        StreamKey("C", "2"),
    ]


@given(due=some_keys, turns=st.dictionaries(st.sampled_from("ABCD"), st.integers(1, 9)))
def test_of_one_purpose_the_integration_goes_first_whose_turn_was_the_longest_ago(
    due: list[StreamKey], turns: dict[str, int]
) -> None:
    order = streams_to_start(dict.fromkeys(due, 2), turns, [], len(due))
    assert sorted(order) == sorted(due)
    firsts = list(dict.fromkeys(integration for integration, _ in order))
    ages = [turns.get(integration, 0) for integration in firsts]
    assert ages == sorted(ages)
    # Within an integration whoever waits longest.
    for integration in "ABCD":
        assert [key for key in order if key.integration_id == integration] == [
            key for key in due if key.integration_id == integration
        ]


def test_the_first_due_stream_of_the_least_busy_integration_is_next() -> None:
    due = [StreamKey("A", "1"), StreamKey("B", "1"), StreamKey("B", "2"), StreamKey("C", "1")]
    assert start(due, []) == [StreamKey("A", "1")]
    assert start(due, [StreamKey("A", "1")]) == [StreamKey("B", "1")]
    assert start(due, [StreamKey("A", "1"), StreamKey("C", "2")]) == [StreamKey("B", "1")]
    assert start(due, [StreamKey("A", "9"), StreamKey("B", "9"), StreamKey("C", "9")]) == [
        StreamKey("A", "1")
    ]
    assert start(due[:1], [StreamKey("A", "1")]) == []
    assert start([], [StreamKey("A", "1")]) == []


@given(due=some_keys, places=st.integers(1, 12))
def test_no_integration_waits_while_another_has_two_more_runs(due: list[StreamKey], places: int) -> None:
    running = start(due, [], places)
    assert set(running) <= set(due)
    assert len(set(running)) == len(running)
    waiting = {integration for integration, _ in set(due) - set(running)}
    for integration in waiting:
        assert len(running) == places
        assert max(runs(running).values()) - runs(running)[integration] < 2


@given(due=some_keys, running=some_keys)
def test_the_next_run_is_of_an_integration_that_has_no_more_than_any_other_due(
    due: list[StreamKey], running: list[StreamKey]
) -> None:
    started = start(due, running)
    free = [each for each in due if each not in running]
    assert len(started) == min(len(free), 1)
    for key in started:
        assert all(runs(running)[key.integration_id] <= runs(running)[integration] for integration, _ in free)


@given(
    due=st.dictionaries(keys, st.integers(0, 3), max_size=25),
    turns=st.dictionaries(st.sampled_from("ABCD"), st.integers(1, 9)),
    running=some_keys,
    count=st.integers(0, 12),
)
def test_several_are_picked_as_if_each_were_started_before_the_next(
    due: dict[StreamKey, int], turns: dict[str, int], running: list[StreamKey], count: int
) -> None:
    at_once = streams_to_start(due, turns, running, count)
    started: list[StreamKey] = []
    for number in range(count):
        for key in streams_to_start(due, turns, [*running, *started], 1):
            started.append(key)
            turns = {**turns, key.integration_id: 10 + number}
    assert started == at_once


@pytest.mark.parametrize(
    ("due", "running", "expected"),
    [
        (
            [StreamKey("B", "1")],
            [StreamKey("A", "1"), StreamKey("A", "2"), StreamKey("A", "3")],
            StreamKey("A", "3"),
        ),
        (
            [StreamKey("C", "1")],
            [StreamKey("A", "1"), StreamKey("B", "1"), StreamKey("B", "2")],
            StreamKey("B", "2"),
        ),
        ([StreamKey("B", "1")], [StreamKey("A", "1")], None),
        ([StreamKey("C", "1")], [StreamKey("A", "1"), StreamKey("B", "1")], None),
        ([StreamKey("A", "4")], [StreamKey("A", "1"), StreamKey("A", "2")], None),
        ([StreamKey("B", "2")], [StreamKey("A", "1"), StreamKey("A", "2"), StreamKey("B", "1")], None),
        ([], [StreamKey("A", "1"), StreamKey("A", "2")], None),
        ([StreamKey("A", "1")], [], None),
    ],
)
def test_a_run_gives_its_place_up_only_for_an_integration_that_has_none(
    due: list[StreamKey], running: list[StreamKey], expected: StreamKey | None
) -> None:
    assert run_to_preempt(due, running) == expected


@given(due=some_keys, running=some_keys)
def test_giving_places_up_ends_with_a_run_for_every_integration_or_one_for_each(
    due: list[StreamKey], running: list[StreamKey]
) -> None:
    running = list(running)
    for _ in range(len(running) + 1):
        due = [key for key in due if key not in running]
        yielding = run_to_preempt(due, running)
        if yielding is None:
            break
        assert yielding in running
        running.remove(yielding)
        [following] = start(due, running)
        assert following[0] not in runs(running)
        running.append(following)
    else:
        pytest.fail("places change hands for ever")
    idle = {integration for integration, _ in due} - set(runs(running))
    assert not idle or max(runs(running).values(), default=0) <= 1
