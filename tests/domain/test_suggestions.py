"""Suggestions for misspelt names."""

from __future__ import annotations

import pytest

from syncer.domain.suggestions import did_you_mean

KNOWN = ("hris_skills", "lms_skills", "lms_users", "lms_skill_sets")


@pytest.mark.parametrize(
    ("name", "at_most", "words"),
    [
        ("lms_skils", 1, " Did you mean lms_skills?"),
        ("lms_skils", 2, " Did you mean lms_skills or lms_skill_sets?"),
        ("lms_skils", 3, " Did you mean lms_skills or lms_skill_sets or hris_skills?"),
        ("nothing like it", 3, ""),
        ("", 3, ""),
    ],
)
def test_the_nearest_names_are_suggested_the_best_first(name: str, at_most: int, words: str) -> None:
    assert did_you_mean(name, KNOWN, at_most=at_most) == words
