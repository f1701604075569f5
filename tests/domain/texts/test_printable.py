"""Texts on a terminal: nothing hides in them, and JSON says the same."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.domain.texts.printable import inert_cell, printable, printable_json

#: Texts with many of the characters in question.
TEXTS = st.text(
    st.characters()
    | st.sampled_from(
        "\x00\x07\x08\t\n\r\x1b\x7f\x9b\u061c\u200b\u200e\u202e\u2028\u2066\ufeff\U000e0041\ud800"
    )
)
#: Joiners that scripts need.
JOINERS = "\u200c\u200d"


def steers(character: str) -> bool:
    """True for what a terminal could obey, and what turns the direction of writing."""
    return unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} or unicodedata.bidirectional(
        character
    ) in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@given(TEXTS)
def test_no_text_steers_a_terminal(text: str) -> None:
    shown = printable(text)
    assert [each for each in shown if steers(each)] == []
    assert not set(shown) & set("\u061c\u200b\u200e\u200f\ufeff")
    assert printable(shown) == shown
    kept = printable(text, keep="\n\t")
    assert {each for each in kept if steers(each)} <= {"\n", "\t"}


@given(st.recursive(TEXTS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner)))
def test_json_with_escapes_means_the_same(value: object) -> None:
    for indent in (None, 2):
        shown = printable_json(json.dumps(value, ensure_ascii=False, indent=indent))
        assert json.loads(shown) == json.loads(json.dumps(value))
        assert {each for each in shown if steers(each)} <= {"\n"}


def test_scripts_that_need_joiners_keep_them() -> None:
    assert (
        printable("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 👩\u200d💻")
        == "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 👩\u200d💻"
    )
    assert set(JOINERS) <= set(printable(JOINERS))


@pytest.mark.parametrize(
    "text", ["=1+1", "+49 30", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\uff1d1"]
)
def test_a_cell_that_would_be_a_formula_begins_with_an_apostrophe(text: str) -> None:
    assert inert_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "Anna", "a=b", "12.5", "-12.5", "2026-01-02", "'=1"])
def test_other_cells_stay_as_they_are(text: str) -> None:
    assert inert_cell(text) == text
