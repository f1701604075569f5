"""Settling of what differs: source and mirror are asked again until it is certain, or time is up.

    look the records up -> read their rows -> would the next reading of the list bring them?

What the next incremental walk asks for anyway has changed since the last one: the mirror is not wrong, only
older, and says so itself. What it would not bring stays as it is, and is a difference. Where a list does not
tell what has changed, a complete walk that began after the record was seen decides: the mirror should have
had it then, and is looked at once more, since either side may have gone on between two questions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial

from msgspec import Struct, field
from msgspec.structs import replace

from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.streams.decisions import request_time
from syncer.domain.streams.deletions import batches
from syncer.domain.streams.stream import Stream
from syncer.domain.verification.difference import Apart, Difference
from syncer.domain.verification.result import Findings
from syncer.sync.deletions.confirm import Narrowing, lookup
from syncer.sync.sources.base import Records
from syncer.sync.sources.kombo_list import KomboListSource
from syncer.sync.verification.comparison import Compared, ComparedRecords, compare_records, stream_of
from syncer.sync.verification.ledger import Ledger

#: Purpose of all requests: nothing waits for a verification.
PURPOSE = Purpose.FULL
#: Records that are looked up, at most; a mirror that differs in more is not told one by one.
MOST_CANDIDATES = 10_000
#: How often those are looked at that only another run can settle, and the seconds in between.
ROUNDS = 4
PAUSE = 2.0


class Candidate(Struct, frozen=True):
    """A record that looked different. first_seen_at: when this version of it was seen first.

    in_list: the source listed it, with the list's filters. is_overdue: when it was looked at last, the mirror
    should have had this version; so it is a difference, if it has stayed the source's.
    """

    compared: Compared | None
    first_seen_at: datetime
    in_list: bool
    is_overdue: bool = False


class Settling(Struct):
    """Candidates of one stream, and what has become of them.

    erased: ids of records that the source has, and that are to have no row.
    """

    source: KomboListSource
    ledger: Ledger
    findings: Findings = field(default_factory=Findings)
    candidates: dict[str, Candidate] = field(default_factory=dict)
    lookups: int = 0
    erased: set[str] = field(default_factory=set)

    def leave_out(self, ids: Collection[str]) -> None:
        """Leave out records that are to have no row: what is erased is no difference."""
        self.erased.update(ids)
        self.findings.apart[Apart.ERASED] = len(self.erased)
        for record_id in ids:
            self.candidates.pop(record_id, None)

    def add(self, compared: Compared, now: datetime, *, in_list: bool) -> None:
        """Add a record before it is entered in the ledger; one that is equal is settled.

        in_list: the list served it.
        """
        known = self.candidates.pop(compared.id, None)
        if compared.comparison.open:
            self._keep(compared.id, _seen(compared, known, now, in_list=in_list))
        elif known is not None or not self.ledger.is_listed(compared.id):
            # A list that moves while it is read may serve a record twice.
            self._close(compared)

    def add_row(self, record_id: str, now: datetime) -> None:
        """Add a live row that the source has not listed."""
        self._keep(record_id, Candidate(None, now, False))

    async def settle(self) -> None:
        """Look the candidates up until nothing is open that another look could tell.

        Raises KomboError, Stopped, DatabaseError.
        """
        context = self.source.context
        for number in range(ROUNDS):
            if number:
                await context.sleep(PAUSE)
            for ids in batches(list(self.candidates)):
                context.check_stopping()
                await self._look_again(ids)
            if not self.candidates:
                return
        self.findings.apart[Apart.UNSETTLED] += len(self.candidates)
        self.candidates.clear()

    async def _look_again(self, ids: list[str]) -> None:
        """Look some candidates up, and settle those that can be."""
        self.lookups += 1
        context = self.source.context
        before = await context.database.ask(partial(stream_of, self.source))
        answer = await lookup(self.source, ids, PURPOSE)
        outside = await self._outside_filters(answer.found)
        found = await context.database.ask(
            partial(compare_records, self.source, answer.found, answer.unknown)
        )
        compared = {each.id: each for each in found.records}
        self.leave_out(found.erased)
        for record_id in outside - found.erased:
            del self.candidates[record_id], compared[record_id]
            self.findings.apart[Apart.OUTSIDE_FILTERS] += 1
        self.ledger.enter(each.entry for each in compared.values())
        still_open = {}
        for each in compared.values():
            if each.comparison.open:
                known = self.candidates[each.id]
                seen = _seen(each, known, found.now, in_list=known.in_list)
                self.candidates[each.id] = still_open[each.id] = seen
            else:
                del self.candidates[each.id]
                self._close(each)
        await self._judge(still_open, before, found)

    async def _judge(
        self, still_open: Mapping[str, Candidate], before: Stream, found: ComparedRecords
    ) -> None:
        """Settle what is open and certain, or newer than the mirror's last reading.

        before: the stream as it was before the records were looked up; what has changed since is newer.
        """
        gone = {record_id for record_id, each in still_open.items() if _is_gone(each)}
        known = still_open.keys() - gone
        newer: Collection[str] = ()
        asks_after = None if before.watermark is None else before.watermark - self._overlap
        features = self.source.spec.features
        tells_changes = asks_after is not None and features.updated_after
        if known and asks_after is not None and tells_changes:
            self.lookups += 1
            narrowed = Narrowing(updated_after=request_time(asks_after))
            newer = set((await lookup(self.source, sorted(known), PURPOSE, narrowed=narrowed)).found.ids)
        for record_id, each in still_open.items():
            assert each.compared is not None
            if record_id in newer:
                self.findings.apart[Apart.NEWER] += 1
                self._add_certain(each.compared)
            elif each.is_overdue or (features.include_deleted if record_id in gone else tells_changes):
                self._close(each.compared, with_open=True)
            else:
                is_overdue = _is_overdue(each, each.compared, found.stream, asks_after)
                self.candidates[record_id] = replace(each, is_overdue=is_overdue)
                continue
            del self.candidates[record_id]

    @property
    def _overlap(self) -> timedelta:
        return self.source.context.rules.overlap

    async def _outside_filters(self, found: Records) -> set[str]:
        """Find which of the records that the list did not serve are left out of it by its filters."""
        filters = self.source.filters
        asked = [each for each in found.ids if not self.candidates[each].in_list] if filters else []
        if not asked:
            return set()
        self.lookups += 1
        inside = await lookup(self.source, asked, PURPOSE, narrowed=Narrowing(filters=filters))
        return set(asked) - set(inside.found.ids)

    def _keep(self, record_id: str, candidate: Candidate) -> None:
        if len(self.candidates) < MOST_CANDIDATES:
            self.candidates[record_id] = candidate
        else:
            self.findings.apart[Apart.UNSETTLED] += 1

    def _close(self, compared: Compared, *, with_open: bool = False) -> None:
        """Enter the end of a record's comparison; with_open: what looked like differences are some."""
        comparison = compared.comparison
        kinds: Iterable[Difference] = comparison.certain
        if with_open and not comparison.only_copies:
            kinds = comparison.certain | comparison.open
        elif with_open:
            self.findings.apart[Apart.STALE_COPIES] += 1
        self.findings.apart[Apart.KEPT] += comparison.is_kept
        self.findings.add(compared.id, kinds, is_unreadable=compared.is_unreadable)

    def _add_certain(self, compared: Compared) -> None:
        self.findings.add(compared.id, compared.comparison.certain)


def _seen(compared: Compared, before: Candidate | None, now: datetime, *, in_list: bool) -> Candidate:
    """Make the candidate of a record as it looks now; before: as it looked before."""
    if before is not None and before.compared is not None and before.compared.version == compared.version:
        return Candidate(compared, before.first_seen_at, in_list, before.is_overdue)
    return Candidate(compared, now, in_list)


def _is_overdue(
    candidate: Candidate, compared: Compared, stream: Stream, asks_after: datetime | None
) -> bool:
    """True where a complete reading of the list has begun after the record came to be so.

    Either it was seen before, or it says itself since when it is so. What is gone only a sweep finds.
    """
    begun = stream.last_full_walk_at if _is_gone(candidate) else stream.complete_at
    if begun is not None and begun >= candidate.first_seen_at:
        return True
    changed_at = compared.changed_at
    is_own = not compared.comparison.only_copies
    return is_own and changed_at is not None and asks_after is not None and changed_at < asks_after


def _is_gone(candidate: Candidate) -> bool:
    """True where the source does not know the record."""
    return candidate.compared is not None and Difference.EXTRA in candidate.compared.comparison.open
