"""Cursors say where a walk goes on, to us alone."""

from __future__ import annotations

from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.domain.gateway.kombo_words import InvalidInput
from syncer.domain.gateway.list_cursor import ListCursor, check_cursor, read_list_cursor


@given(st.text(min_size=1))
def test_a_cursor_is_read_as_it_was_written(after: str) -> None:
    cursor = ListCursor(after, "0123456789abcdef01")
    written = cursor.encoded()
    assert read_list_cursor(written) == cursor
    assert written.isascii()
    assert not set(written) & set("+/=&? ")


@given(st.text())
def test_any_other_text_is_a_cursor_of_somebody_else(text: str) -> None:
    assert read_list_cursor(text) is None


def test_a_cursor_that_was_changed_is_not_ours() -> None:
    text = ListCursor("some id", "f").encoded()
    for changed in (text[:-4], text + "AAAA", text[4:], text.swapcase()):
        assert read_list_cursor(changed) is None


def test_a_cursor_of_the_simulators_is_not_ours() -> None:
    text = urlsafe_b64encode(b'{"after": "id", "page": 2}').decode().rstrip("=")
    assert read_list_cursor(text) is None


def test_a_cursor_is_good_for_the_walk_that_it_was_given_for_and_no_other() -> None:
    cursor = ListCursor("id", "one")
    check_cursor(cursor, "one")
    with pytest.raises(InvalidInput, match="repeat with it the parameters"):
        check_cursor(cursor, "two")
