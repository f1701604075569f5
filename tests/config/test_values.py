"""The reserve, and how reads are paced."""

from __future__ import annotations

import pytest

from syncer.domain.ratelimit.budget import Reserve
from tests.config.loads import Load, refusal


@pytest.mark.parametrize(
    ("given", "reserve"),
    [("30", Reserve(count=30)), (0, Reserve()), ("10%", Reserve(share=0.1)), ("2.5 %", Reserve(share=0.025))],
)
def test_a_reserve_is_a_count_or_a_percentage(load: Load, given: str | int, reserve: Reserve) -> None:
    assert load(f"[budget]\nreserve = {given!r}\n").budget.reserve == reserve


@pytest.mark.parametrize("given", ["-1", "0.1", "true", "'all'", "'-5%'", "'100%'"])
def test_other_reserves_are_refused(load: Load, given: str) -> None:
    assert "budget.reserve should be a count" in refusal(load, f"[budget]\nreserve = {given}\n")


@pytest.mark.parametrize("pacing", ["burst", "even"])
def test_reads_are_paced_in_one_of_two_ways(load: Load, pacing: str) -> None:
    assert load("").budget.pacing == "burst"
    assert load(f"[budget]\npacing = '{pacing}'\n").budget.pacing == pacing
    assert "config.toml: budget.pacing should be" in refusal(load, "[budget]\npacing = 'slow'\n")
