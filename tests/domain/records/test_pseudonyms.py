"""Pseudonyms: the same for equal values, only with the key, and replaced only once."""

from __future__ import annotations

import hmac
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.domain.records.pseudonyms import Pseudonyms

KEY, OTHER = Pseudonyms.of_key("k" * 32), Pseudonyms.of_key("o" * 32)
FORM = re.compile(r"p_[0-9a-f]{32}")
#: Texts as JSON may hold them: halves of characters among them.
TEXTS = st.text(st.characters(codec=None), min_size=1, max_size=30)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(TEXTS)
def test_a_text_has_one_pseudonym_of_one_form_for_each_key(value: str) -> None:
    found = KEY.replace(value)
    assert FORM.fullmatch(found)
    assert found == Pseudonyms.of_key("k" * 32).replace(value)
    assert found != OTHER.replace(value)


@given(VALUES)
def test_to_replace_twice_is_to_replace_once(value: object) -> None:
    once = KEY.replace(value)
    assert KEY.replace(once) == once
    assert KEY.renew(once) == once


@given(st.lists(TEXTS, unique=True, max_size=20))
def test_different_texts_have_different_pseudonyms(values: list[str]) -> None:
    assert len(set(KEY.replace(values))) == len(values)


def test_it_is_made_as_the_documents_say() -> None:
    def digits(text: str) -> str:
        return hmac.new(b"k" * 32, text.encode(), "sha256").hexdigest()

    start = "p_" + digits("Zoë@firm.example")[:24]
    assert KEY.replace("Zoë@firm.example") == start + digits(start)[:8]


def test_nothing_is_made_equal_that_came_as_different_texts() -> None:
    assert len({KEY.replace(each) for each in ("ann@firm", "Ann@firm", " ann@firm", "ann@firm\n")}) == 4


def test_null_and_an_empty_text_stay() -> None:
    assert [KEY.replace(None), KEY.replace("")] == [None, ""]
    assert KEY.replace(["", None, "a"]) == ["", None, KEY.replace("a")]


def test_what_is_no_text_is_replaced_as_its_json() -> None:
    assert KEY.replace(17) == KEY.replace("17")
    assert KEY.replace(True) == KEY.replace("true")
    assert KEY.replace({"b": 1, "a": None}) == KEY.replace('{"a":null,"b":1}')


def test_an_object_with_half_a_character_has_a_pseudonym_too() -> None:
    assert FORM.fullmatch(KEY.replace({"name": "\ud800", "age": 7}))
    assert FORM.fullmatch(KEY.replace("\ud800"))


def test_a_stored_pseudonym_under_another_key_becomes_null_and_one_that_comes_in_is_a_text() -> None:
    foreign = OTHER.replace("ann@firm")
    assert KEY.renew(foreign) is None
    assert KEY.renew([foreign, "bob@firm"]) == [None, KEY.replace("bob@firm")]
    assert FORM.fullmatch(KEY.replace(foreign))


def test_the_key_is_not_shown_and_its_fingerprint_tells_it_from_others() -> None:
    assert "k" * 32 not in repr(KEY)
    assert re.fullmatch("[0-9a-f]{16}", KEY.fingerprint)
    assert KEY.fingerprint != OTHER.fingerprint


def test_with_a_fingerprint_alone_there_is_no_pseudonym() -> None:
    with pytest.raises(ValueError, match="fingerprint"):
        Pseudonyms(KEY.fingerprint).replace("ann@firm")
