"""Decisions after an attempt to deliver."""

from __future__ import annotations

from datetime import timedelta

import pytest

from syncer.domain.deliveries.attempts import (
    JITTER,
    LONGEST_PAUSE,
    Accepted,
    Answer,
    Retry,
    Split,
    Stop,
    next_step,
    pause_after,
)


def step(status: int | None, changes: int = 1, **details: float) -> Accepted | Retry | Split | Stop:
    answer = Answer(status, "its name cannot be found", **details)
    return next_step(answer, failures=0, changes=changes, uniform=0.0)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_status_of_success_accepts(status: int) -> None:
    assert step(status) == Accepted()


def test_gone_stops_for_good() -> None:
    assert step(410) == Stop("The receiver wants no more: it answered HTTP 410 (Gone).")


@pytest.mark.parametrize("status", [100, 301, 302, 307, 400, 401, 404, 429, 500, 503, 599])
def test_everything_else_is_tried_again(status: int) -> None:
    following = step(status)
    assert isinstance(following, Retry)
    assert f"HTTP {status}" in following.error
    assert ("redirects are not followed" in following.error) == (300 <= status < 400)


def test_no_answer_is_tried_again_for_its_reason() -> None:
    expected = "The receiver gave no answer: its name cannot be found."
    assert step(None) == Retry(timedelta(seconds=2), expected)


def test_what_is_too_large_is_split_unless_it_is_a_single_change() -> None:
    assert step(413, changes=2) == Split()
    assert isinstance(step(413, changes=1), Retry)
    assert isinstance(step(413, changes=0), Retry)


def test_pauses_double_up_to_an_hour_and_chance_shortens_them() -> None:
    assert [pause_after(number, 0.0).total_seconds() for number in (1, 2, 3, 4, 11)] == [2, 4, 8, 16, 2048]
    assert {pause_after(number, 0.0) for number in (12, 13, 1_000_000)} == {LONGEST_PAUSE}
    for number in (1, 5, 30):
        assert pause_after(number, 1.0) == pause_after(number, 0.0) * (1 - JITTER)


@pytest.mark.parametrize(
    ("asked", "pause"), [(None, 2), (0.0, 2), (1.0, 2), (30.0, 30), (7200.0, 3600), (1e300, 3600)]
)
def test_a_receiver_is_left_alone_for_as_long_as_it_asks_within_an_hour(
    asked: float | None, pause: float
) -> None:
    assert pause_after(1, 0.0, asked) == timedelta(seconds=pause)
