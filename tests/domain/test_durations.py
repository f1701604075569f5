"""Durations as text: read, written, and described to people."""

from __future__ import annotations

from datetime import timedelta

import pytest

from syncer.domain.durations import (
    describe_age,
    describe_elapsed,
    describe_span,
    format_duration,
    parse_duration,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("15m", 900),
        ("1h30m", 5400),
        ("7d", 604800),
        ("1d1h1m1s", 90061),
        ("60", 60),
        (5, 5),
        ("0s", 0),
    ],
)
def test_durations_are_read(text: str | int, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "5 m", "m", "1w", "-5m", "1m1h", "1.5h", "9" * 20 + "d", True, 1.5, None, []]
)
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["90s", "15m", "1h30m", "7d", "1d1h1m1s", "0s"])
def test_a_duration_is_written_as_it_can_be_read(text: str) -> None:
    assert parse_duration(format_duration(parse_duration(text))) == parse_duration(text)
    assert format_duration(timedelta(minutes=90)) == "1h30m"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.04, "0.0 s"),
        (9.9, "9.9 s"),
        (9.97, "10 s"),
        (61, "1 min 01 s"),
        (3600, "1 h 00 min"),
        (7980, "2 h 13 min"),
    ],
)
def test_what_takes_time_is_described_by_two_units(seconds: float, words: str) -> None:
    assert describe_elapsed(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s"),
        (119.4, "119 s"),
        (120, "2 min"),
        (7199, "119 min"),
        (7200, "2 h"),
        (172_799, "47 h"),
        (172_800, "2 d"),
    ],
)
def test_a_distance_in_time_is_rounded_down_to_one_unit(seconds: float, words: str) -> None:
    assert describe_span(seconds) == words


@pytest.mark.parametrize(("seconds", "words"), [(-1, "just now"), (1.9, "just now"), (2, "2 s ago")])
def test_the_age_of_what_has_just_happened_is_not_counted(seconds: float, words: str) -> None:
    assert describe_age(seconds) == words
