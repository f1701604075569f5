"""Fingerprints of plain values."""

from __future__ import annotations

from syncer.domain.fingerprint import fingerprint_of


def test_a_fingerprint_never_changes_its_form() -> None:
    assert fingerprint_of([{"a": 1, "b": [None, "ü"]}]) == "48867fcad1c8ac42dc5e92c7f843021f"


def test_the_order_counts_in_lists_and_not_among_members() -> None:
    assert fingerprint_of({"a": 1, "b": 2}) == fingerprint_of({"b": 2, "a": 1})
    assert fingerprint_of([1, 2]) != fingerprint_of([2, 1])
