"""Who goes next of those who wait for the same thing."""

from __future__ import annotations

import pytest

from syncer.domain.scheduling.fairness import RoundRobinQueue


def order(turns: RoundRobinQueue[str]) -> list[str]:
    return [turns.pop() for _ in range(len(turns))]


def test_an_integration_with_one_request_does_not_wait_for_eight_of_another() -> None:
    turns: RoundRobinQueue[str] = RoundRobinQueue()
    for number in range(8):
        turns.add("large", "hris_employees", f"large {number}")
    turns.add("small", "hris_employees", "small")
    assert order(turns)[:3] == ["large 0", "small", "large 1"]


def test_within_an_integration_the_models_take_turns() -> None:
    turns: RoundRobinQueue[str] = RoundRobinQueue()
    for who in ("a1", "a2", "b1", "c1", "b2"):
        turns.add("one", who[0], who)
    assert order(turns) == ["a1", "b1", "c1", "a2", "b2"]


def test_who_was_served_longest_ago_goes_first_also_after_nobody_waited() -> None:
    turns: RoundRobinQueue[str] = RoundRobinQueue()
    for integration in ("one", "two"):
        turns.add(integration, None, integration)
    assert order(turns) == ["one", "two"]
    for integration in ("two", "one", "three"):
        turns.add(integration, None, integration)
    assert order(turns) == ["three", "one", "two"]


def test_what_is_of_no_integration_is_a_line_like_any_other() -> None:
    turns: RoundRobinQueue[str] = RoundRobinQueue()
    for integration in ("one", "one", None):
        turns.add(integration, None, str(integration))
    assert order(turns) == ["one", "None", "one"]


def test_who_waits_no_more_is_passed_over() -> None:
    turns: RoundRobinQueue[str] = RoundRobinQueue()
    for who in ("first", "second"):
        turns.add("one", "model", who)
    turns.remove("one", "model", "first")
    turns.remove("one", "model", "first")
    turns.remove("two", "model", "second")
    assert order(turns) == ["second"]
    with pytest.raises(ValueError, match="empty"):
        turns.pop()
