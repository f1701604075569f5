"""The ledger of a verification: counts and digests of both sides."""

from __future__ import annotations

from syncer.domain.verification.digest import digest
from syncer.sync.verification.ledger import Entry, Ledger, Totals

ONE, TWO = b"1" * 32, b"2" * 32


def test_counts_and_digests_are_those_of_what_was_entered_last() -> None:
    with Ledger() as ledger:
        ledger.enter([Entry("b", True, False, ONE, ONE), Entry("a", True, False, ONE, None)])
        ledger.enter([Entry("a", True, False, TWO, ONE), Entry("c", True, True, None, None)])
        ledger.enter([Entry("d", False, False, None, TWO)])
        assert ledger.totals() == Totals(records=3, live=2, deleted=1)
        digests = ledger.digests()
        assert digests.source == digest([("a", TWO), ("b", ONE)])
        assert digests.mirror == digest([("a", ONE), ("b", ONE), ("d", TWO)])
        assert ledger.unknown(["a", "d", "x"]) == ["x"]
        assert (ledger.is_listed("a"), ledger.is_listed("d"), ledger.is_listed("x")) == (True, False, False)
        ledger.clear()
        assert ledger.totals() == Totals(0, 0, 0)
        assert ledger.digests().source == ledger.digests().mirror == digest([])
