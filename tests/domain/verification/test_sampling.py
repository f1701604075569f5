"""What a sample says of all rows."""

from __future__ import annotations

from collections import Counter
from math import comb
from random import Random

import pytest

from syncer.domain.verification.sampling import choose, most_differing


def exactly(rows: int, sampled: int, found: int, confidence: float) -> int:
    """The same by whole numbers: the greatest number that such a sample is still to be expected of."""
    return max(
        differing
        for differing in range(found, rows - sampled + found + 1)
        if sum(comb(differing, k) * comb(rows - differing, sampled - k) for k in range(found + 1))
        >= (1 - confidence) * comb(rows, sampled) - 1e-9
    )


@pytest.mark.parametrize("rows", [1, 2, 10, 57])
def test_the_bound_is_the_exact_one(rows: int) -> None:
    for sampled in range(1, rows + 1):
        for found in range(min(sampled, 4) + 1):
            assert most_differing(rows, sampled, found) == exactly(rows, sampled, found, 0.95)


def test_a_small_sample_of_many_rows_follows_the_rule_of_three() -> None:
    assert most_differing(1_000_000, 1_000, 0) == pytest.approx(3_000, rel=0.01)
    assert most_differing(1_000, 1_000, 0) == 0
    assert most_differing(1_000, 1_000, 7) == 7
    assert most_differing(0, 0, 0) == 0


def test_each_row_is_as_likely_to_be_chosen_as_any_other() -> None:
    uniform = Random(5).random
    chosen = Counter(each for _ in range(4_000) for each in choose("abcde", 2, uniform)[0])
    assert sum(chosen.values()) == 8_000
    assert all(each == pytest.approx(1_600, rel=0.1) for each in chosen.values())
    assert choose(iter("abc"), 9, uniform) == (["a", "b", "c"], 3)
    assert choose([], 9, uniform) == ([], 0)
