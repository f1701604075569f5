"""The difference between a page and the mirror; only records that differ are projected."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace
from sqlalchemy import Connection

from syncer.domain.erasure.erased import Erased
from syncer.domain.feed.difference import FormerValues, former_values, without_excluded
from syncer.domain.records.change import Change, StoredRow, change, is_unchanged
from syncer.domain.records.record import Poison, Record
from syncer.domain.records.row import Row
from syncer.domain.streams.deletions import is_forgotten
from syncer.kombo.lists import Page
from syncer.store.records.compare import changed_records, stored_documents, stored_rows
from syncer.store.state.health import health_flags
from syncer.store.state.quarantine import quarantined_keys, record_key
from syncer.sync.erasures import Version, clean_poisons, late_traces, seen_as, without_erased
from syncer.sync.run_context import RunContext
from syncer.sync.sources.base import Records


class PageDiff(Struct, frozen=True):
    """Difference between records and the mirror.

    unchanged: ids of records that change nothing. rows: the others, projected; effects: of these, by id.
    poisons: records that go into quarantine. stored: stored rows of the records, by id. quarantined_keys: of
    their entries in quarantine. has_missing_rows: any of the stream's rows are missing at Kombo; these may be
    among them. former: former values of the rows' members that a record says otherwise, by id; nothing of
    those that differ only in what is excluded now. erased: records that are erased, by id, each with what
    stands for it among the ids that were seen; late: traces of those among them that have none, with their
    receipts. erasures: the version of all that was erased.
    """

    rows: list[Row]
    effects: Mapping[str, Change]
    unchanged: list[str]
    poisons: list[Poison]
    stored: Mapping[str, StoredRow]
    quarantined_keys: Collection[str]
    has_missing_rows: bool
    former: Mapping[str, FormerValues]
    erased: Mapping[str, str] = field(default_factory=dict)
    late: Sequence[tuple[str, Collection[bytes]]] = ()
    erasures: str | None = None

    @property
    def ids(self) -> list[str]:
        """Ids on the page, also of records that cannot be rows."""
        return [*self.unchanged, *self.written_ids]

    @property
    def seen_ids(self) -> list[str | None]:
        """Ids that the list has shown, and None for each record whose id cannot be told."""
        return [*self.ids, *self.erased.values(), *(None for each in self.poisons if each.id is None)]

    @property
    def identities(self) -> list[str]:
        """Ids on the page, with the texts of records whose ids cannot be told."""
        of_poisons = (each.document for each in self.poisons if each.id is None)
        return [*self.ids, *self.erased.values(), *of_poisons]

    @property
    def has_changes(self) -> bool:
        """True where a record differs from its row."""
        return any(effect is not Change.UNCHANGED for effect in self.effects.values())

    @property
    def blanked_ids(self) -> list[str]:
        """Ids of records that have been blanked, and have a row that was not."""
        return [row.id for row in self.rows if row.is_shell and row.id in self.stored]

    @property
    def written_ids(self) -> set[str]:
        """Ids of records that the mirror or the quarantine will have in another way."""
        poisoned = {each.id for each in self.poisons if each.id is not None}
        return poisoned.union(row.id for row in self.rows)

    @property
    def changes_nothing(self) -> bool:
        """True where neither the mirror's rows nor the quarantine will be others than they are."""
        return not self.rows and not self.poisons and not self.late

    def without(self, ids: Collection[str]) -> PageDiff:
        """Leave the records with these ids as they are."""
        rows = [row for row in self.rows if row.id not in ids]
        return replace(self, rows=rows, unchanged=[*self.unchanged, *ids])


def compare_page(
    run: RunContext, page: Page, connection: Connection, erasures: Version | None = None
) -> PageDiff:
    """Compare the records of a page with the mirror. erasures: as of ``compare``."""
    return compare(run, run.source.read(page), connection, erasures)


def compare(
    run: RunContext, records: Records, connection: Connection, erasures: Version | None = None
) -> PageDiff:
    """Compare records with the mirror; of several with one id the last counts.

    It may happen before the transaction that writes, as long as both are under one lease. erasures: all that
    is erased, unless it is what is known of that.
    """
    source, destination = run.source, run.source.destination
    erasures = erasures or run.context.erasures.newest
    latest = {record.id: record for record in records.usable}
    flags = health_flags(connection, run.environment, run.key)
    # A record that is in quarantine may leave it, or has a column that could not be projected.
    keys = (
        quarantined_keys(connection, run.environment, run.key, latest.values())
        if flags.has_quarantine
        else set()
    )
    quarantined = {each.id for each in latest.values() if keys and record_key(each.id, each.text) in keys}
    hashes = {record.id: record.content_hash for record in latest.values()}
    changed = changed_records(connection, destination, hashes)
    receipts: dict[str, str] = {}
    if erasures.erased:
        receipts = _clean(run, connection, erasures.erased, latest, changed, quarantined)
    stored = {record_id: each for record_id, each in changed.items() if each is not None}
    if quarantined:
        stored |= stored_rows(connection, destination, quarantined)
    stored, former = _differences(run, connection, latest.values(), stored)
    rows, effects, unchanged, poisons = [], {}, [], list(records.poisons)
    now = run.context.database.now(connection) if run.context.rules.forget_after else None
    for record in latest.values():
        before = stored.get(record.id)
        is_same = record.id not in changed or is_unchanged(record.content_hash, before)
        if is_same and record.id not in quarantined:
            unchanged.append(record.id)
        elif not isinstance(projected := source.project(record), Row):
            poisons.append(projected)
        elif before is None and is_forgotten(projected.deleted_at, run.context.rules.forget_after, now):
            # Its row has left the mirror; that the source still tells of it is no news.
            unchanged.append(record.id)
        else:
            rows.append(projected)
            effects[record.id] = change(projected, before)
    erased, late = {}, list[tuple[str, set[bytes]]]()
    if erasures.erased:
        poisons, of_poisons = clean_poisons(erasures.erased, run.key, poisons)
        receipts |= of_poisons
        erased = {each: seen_as(erasures.erased, run.key, each) for each in receipts}
        late = late_traces(erasures.erased, run.key, receipts)
    return PageDiff(
        rows,
        effects,
        unchanged,
        poisons,
        stored,
        keys,
        flags.has_missing,
        former,
        erased,
        late,
        erasures.name,
    )


def _clean(
    run: RunContext,
    connection: Connection,
    erased: Erased,
    latest: dict[str, Record],
    changed: dict[str, StoredRow | None],
    quarantined: set[str],
) -> dict[str, str]:
    """Leave erased records out, and copies of them; give the receipts of these records, by id.

    Of what is unchanged nothing is erased: the hash of its row is that of what was left of it.
    """
    suspects = [each for each in latest.values() if each.id in changed or each.id in quarantined]
    left, receipts = without_erased(erased, run.key, suspects)
    different = {each.id: each for each in left if each is not latest[each.id]}
    latest |= different
    for record_id in receipts:
        del latest[record_id]
    for record_id in (*receipts, *different):
        changed.pop(record_id, None)
    quarantined -= receipts.keys()
    if different:
        hashes = {record_id: record.content_hash for record_id, record in different.items()}
        changed |= changed_records(connection, run.source.destination, hashes)
    return receipts


def _differences(
    run: RunContext, connection: Connection, records: Iterable[Record], stored: Mapping[str, StoredRow]
) -> tuple[dict[str, StoredRow], dict[str, FormerValues]]:
    """Compare records with their rows' documents, where the hashes differ.

    Give the stored rows, with the records' hashes where only the order of their members differs, and the
    former values of the members of the others.
    """
    excluded = run.source.excluded
    different = {
        record.id: record
        for record in records
        if record.id in stored and stored[record.id].content_hash != record.content_hash
    }
    same, former = dict(stored), dict[str, FormerValues]()
    for record_id, document in stored_documents(connection, run.source.destination, different).items():
        record, text = different[record_id], document.text.encode()
        has_moved = document.parent != record.parent
        try:
            values = former_values(record.text, text)
            if not values and not has_moved:
                same[record_id] = same[record_id]._replace(content_hash=record.content_hash)
                continue
            if excluded is not None:
                values = former_values(record.text, without_excluded(text, excluded))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            # It is no row, as its projection will find.
            continue
        if values or has_moved:
            former[record_id] = values
    return same, former
