"""Who goes next: urgency, the turns of the integrations, and places that are given up."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.scheduling.fairness import next_stream, run_to_preempt, sort_due
from syncer.domain.stream_key import StreamKey

keys = st.builds(StreamKey, st.sampled_from("ABCD"), st.integers(0, 9).map(str))
some_keys = st.lists(keys, unique=True, max_size=25)


def test_a_webhook_goes_first_whenever_its_integration_had_a_turn() -> None:
    due = {
        StreamKey("A", "1"): 2,
        StreamKey("B", "1"): 2,
        StreamKey("C", "1"): int(Purpose.WEBHOOK),
        StreamKey("C", "2"): 3,
    }
    assert sort_due(due, {"C": 9, "B": 3}) == [
        StreamKey("C", "1"),
        StreamKey("A", "1"),
        StreamKey("B", "1"),
        StreamKey("C", "2"),
    ]


@given(due=some_keys, turns=st.dictionaries(st.sampled_from("ABCD"), st.integers(1, 9)))
def test_of_one_purpose_the_integration_goes_first_whose_turn_was_the_longest_ago(
    due: list[StreamKey], turns: dict[str, int]
) -> None:
    order = sort_due(dict.fromkeys(due, 2), turns)
    assert sorted(order) == sorted(due)
    ages = [turns.get(integration, 0) for integration, _ in order]
    assert ages == sorted(ages)
    # Within an integration whoever waits longest.
    for integration in "ABCD":
        assert [key for key in order if key.integration_id == integration] == [
            key for key in due if key.integration_id == integration
        ]


def runs(running: list[StreamKey]) -> Counter[str]:
    return Counter(integration for integration, _ in running)


def test_the_first_due_stream_of_the_least_busy_integration_is_next() -> None:
    due = [StreamKey("A", "1"), StreamKey("B", "1"), StreamKey("B", "2"), StreamKey("C", "1")]
    assert next_stream(due, []) == StreamKey("A", "1")
    assert next_stream(due, [StreamKey("A", "1")]) == StreamKey("B", "1")
    assert next_stream(due, {StreamKey("A", "1"): 1, StreamKey("C", "2"): 1}) == StreamKey("B", "1")
    assert next_stream(due, [StreamKey("A", "9"), StreamKey("B", "9"), StreamKey("C", "9")]) == StreamKey(
        "A", "1"
    )
    assert next_stream(due[:1], [StreamKey("A", "1")]) is None
    assert next_stream([], [StreamKey("A", "1")]) is None


@given(due=some_keys, places=st.integers(1, 12))
def test_no_integration_waits_while_another_has_two_more_runs(due: list[StreamKey], places: int) -> None:
    running: list[StreamKey] = []
    while len(running) < places and (key := next_stream(due, running)) is not None:
        assert key in due
        assert key not in running
        running.append(key)
    waiting = {integration for integration, _ in set(due) - set(running)}
    for integration in waiting:
        assert len(running) == places
        assert max(runs(running).values()) - runs(running)[integration] < 2


@given(due=some_keys, running=some_keys)
def test_the_next_run_is_of_an_integration_that_has_no_more_than_any_other_due(
    due: list[StreamKey], running: list[StreamKey]
) -> None:
    key = next_stream(due, running)
    free = [each for each in due if each not in running]
    assert (key is None) == (free == [])
    if key is not None:
        assert all(runs(running)[key.integration_id] <= runs(running)[integration] for integration, _ in free)


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
        following = next_stream(due, running)
        assert following is not None
        assert following[0] not in runs(running)
        running.append(following)
    else:
        pytest.fail("places change hands for ever")
    idle = {integration for integration, _ in due} - set(runs(running))
    assert not idle or max(runs(running).values(), default=0) <= 1
