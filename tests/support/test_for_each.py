"""A test that goes through many cases fails with each that fails, by its name."""

from __future__ import annotations

import pytest

from tests.support.for_each import for_each


def test_each_case_that_fails_is_told_by_its_name_and_the_others_are_gone_through() -> None:
    seen: list[int] = []

    @for_each(("number", "word"), [(1, "one"), (2, "two"), (3, "three")], called=lambda case: case[1])
    def is_odd(number: int, word: str, base: int) -> None:
        seen.append(base + number)
        assert number % 2, word

    with pytest.raises(ExceptionGroup, match="1 of 3 fail") as failed:
        is_odd(base=10)
    assert seen == [11, 12, 13]
    [error] = failed.value.exceptions
    assert error.__notes__ == ["This is of two."]


@pytest.fixture
def base() -> int:
    return 10


@for_each("number", [1, 2])
def test_fixtures_and_cases_come_together(number: int, base: int) -> None:
    assert base + number in {11, 12}


def test_no_cases_at_all_are_a_mistake() -> None:
    with pytest.raises(AssertionError, match="no cases"):
        for_each("number", [])
