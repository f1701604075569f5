"""Result of verifying one stream."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

from msgspec import Struct, field

from syncer.domain.stream_key import StreamKey
from syncer.domain.verification.difference import Apart, Difference, Verdict

#: Ids that are named for each kind of difference.
MOST_EXAMPLES = 10


class Findings(Struct):
    """Findings so far. differing: records with a difference; unreadable: of these, those that cannot be
    rows.
    """

    differences: Counter[Difference] = field(default_factory=Counter)
    apart: Counter[Apart] = field(default_factory=Counter)
    differing: int = 0
    unreadable: int = 0
    examples: dict[Difference, list[str]] = field(default_factory=dict)

    def add(self, record_id: str | None, kinds: Iterable[Difference], *, is_unreadable: bool = False) -> None:
        """Add the differences of a record; without any it has none."""
        kinds = frozenset(kinds)
        if not kinds:
            return
        self.differing += 1
        self.unreadable += is_unreadable
        for each in kinds:
            self.differences[each] += 1
            named = self.examples.setdefault(each, [])
            if record_id is not None and len(named) < MOST_EXAMPLES:
                named.append(record_id)

    @property
    def verdict(self) -> Verdict:
        """Verdict that follows."""
        if self.differing:
            return Verdict.DIFFERENT
        return Verdict.UNSETTLED if self.apart[Apart.UNSETTLED] else Verdict.EQUAL


class SourceView(Struct, frozen=True):
    """Reading of the source. Counts in records, pages and lookups in requests; times are the source's.

    unidentified: records without an id that could be told.
    """

    records: int
    live: int
    deleted: int
    unidentified: int
    pages: int
    lookups: int
    began_at: datetime | None
    ended_at: datetime | None


class MirrorView(Struct, frozen=True):
    """State of the mirror. Counts in rows; complete_as_of: the source's time up to which it claims to be."""

    live: int
    deleted: int
    complete_as_of: datetime | None


class Digests(Struct, frozen=True):
    """Digests of the live records, of the source and of the mirror."""

    source: str
    mirror: str


class Sample(Struct, frozen=True):
    """A sample of the live rows. at_most: rows that differ, with the confidence of ``sampling``."""

    rows: int
    of: int
    at_most: int


class Verification(Struct, frozen=True):
    """Result for one stream. reason: why it could not be verified, or needed not.

    filters: those of the list. excluded: paths of what the records lack on purpose; pseudonymised: of what
    has pseudonyms. source, mirror: None where nothing was read. digests: None where not all was read.
    """

    environment: str
    key: StreamKey
    verdict: Verdict
    reason: str | None = None
    findings: Findings = field(default_factory=Findings)
    source: SourceView | None = None
    mirror: MirrorView | None = None
    digests: Digests | None = None
    sample: Sample | None = None
    filters: Mapping[str, str] = field(default_factory=dict)
    excluded: tuple[str, ...] = ()
    pseudonymised: tuple[str, ...] = ()
