"""The difference between a page and the mirror; only records that differ are projected."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from syncer.domain.records.change import Change, StoredRow, change, is_unchanged
from syncer.domain.records.record import Poison
from syncer.domain.records.row import Row
from syncer.kombo.lists import Page
from syncer.store.records.compare import changed_records, ignore_member_order, stored_rows
from syncer.store.state.health import health_flags
from syncer.store.state.quarantine import quarantined_keys, record_key
from syncer.sync.lease import RunContext
from syncer.sync.sources.base import Records


@dataclass(frozen=True, slots=True)
class PageDiff:
    """Difference between records and the mirror.

    unchanged: ids of records that change nothing. rows: the others, projected; effects: of these, by id.
    poisons: records that go into quarantine. stored: stored rows of the records, by id. quarantined_keys: of
    their entries in quarantine. has_missing_rows: any of the stream's rows are missing at Kombo; these may be
    among them.
    """

    rows: list[Row]
    effects: Mapping[str, Change]
    unchanged: list[str]
    poisons: list[Poison]
    stored: Mapping[str, StoredRow]
    quarantined_keys: Collection[str]
    has_missing_rows: bool

    @property
    def ids(self) -> list[str]:
        """Ids on the page, also of records that cannot be rows."""
        return [*self.unchanged, *self.written_ids]

    @property
    def seen_ids(self) -> list[str | None]:
        """Ids that the list has shown, and None for each record whose id cannot be told."""
        return [*self.ids, *(None for each in self.poisons if each.id is None)]

    @property
    def identities(self) -> list[str]:
        """Ids on the page, with the texts of records whose ids cannot be told."""
        return [*self.ids, *(each.document for each in self.poisons if each.id is None)]

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
        return not self.rows and not self.poisons

    def without(self, ids: Collection[str]) -> PageDiff:
        """Leave the records with these ids as they are."""
        rows = [row for row in self.rows if row.id not in ids]
        return replace(self, rows=rows, unchanged=[*self.unchanged, *ids])


def compare_page(run: RunContext, page: Page, connection: Connection) -> PageDiff:
    """Compare the records of a page with the mirror."""
    return compare(run, run.source.read(page), connection)


def compare(run: RunContext, records: Records, connection: Connection) -> PageDiff:
    """Compare records with the mirror; of several with one id the last counts.

    It may happen before the transaction that writes, as long as both are under one lease.
    """
    source, destination = run.source, run.source.destination
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
    stored = {record_id: each for record_id, each in changed.items() if each is not None}
    if quarantined:
        stored |= stored_rows(connection, destination, quarantined)
    stored = ignore_member_order(connection, destination, latest.values(), stored)
    rows, effects, unchanged, poisons = [], {}, [], list(records.poisons)
    for record in latest.values():
        before = stored.get(record.id)
        is_same = record.id not in changed or is_unchanged(record.content_hash, before)
        if is_same and record.id not in quarantined:
            unchanged.append(record.id)
        elif isinstance(projected := source.project(record), Row):
            rows.append(projected)
            effects[record.id] = change(projected, before)
        else:
            poisons.append(projected)
    return PageDiff(rows, effects, unchanged, poisons, stored, keys, flags.has_missing)
