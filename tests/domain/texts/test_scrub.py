"""Scrubbed texts: the words of an error stay, and nothing of a record."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.domain.texts.scrub import GAP, LONGEST, scrub, scrub_code


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Employee Anna Schmidt (anna.schmidt@acme.example) not found.", "Employee … not found."),
        ("The value 'Page' of work_email is not valid", "The value … of … is not valid"),
        ("Key (email)=(anna@acme.example) already exists", "Key (…) already exists"),
        ("employee Page May, born 1980-02-29, has no job", "employee …, …, has no job"),
        ("The provided API key is invalid.", "The provided API key is invalid."),
        ("You have exceeded the rate limit. Please try again later.",) * 2,
        ("anna.schmidt@acme.example", ""),
        ("4711", ""),
    ],
)
def test_what_is_said_stays_and_of_whom_goes(text: str, left: str) -> None:
    assert scrub(text) == left


@given(
    st.text(alphabet=st.characters(codec="utf-8"), min_size=1),
    st.sampled_from(
        ['Employee "{}" not found.', "The record {}@example.com is not valid", "({}=4711) failed"]
    ),
)
def test_whatever_a_value_is_only_plain_words_on_one_short_line_are_left(value: str, frame: str) -> None:
    left = scrub(frame.format(f"Zz{value}zZ"))
    assert "Zz" not in left
    assert "zZ" not in left
    assert left.replace(GAP, "").isascii()
    assert left.isprintable()
    assert len(left) <= LONGEST


def test_a_code_is_shown_and_a_text_in_its_place_is_not() -> None:
    assert scrub_code("PLATFORM.RATE_LIMIT_EXCEEDED") == "PLATFORM.RATE_LIMIT_EXCEEDED"
    assert scrub_code("Anna Schmidt") == GAP
    assert scrub_code("ACTIVE\x1b[31m") == GAP
