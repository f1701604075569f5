"""The difference between a page and the mirror; only records that differ are projected."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from syncer.domain.records.change import Change, Known, change, is_unchanged
from syncer.domain.records.record import Poison
from syncer.domain.records.row import Row
from syncer.kombo.lists import Page
from syncer.store.records.compare import differing, known_rows, recognised
from syncer.store.state.health import health_flags
from syncer.store.state.quarantine import keys_among, record_key
from syncer.sync.lease import RunContext
from syncer.sync.sources.base import Records


@dataclass(frozen=True, slots=True)
class PageDiff:
    """Records beside the mirror. unchanged: ids of those that do nothing to it; rows: the others, projected.

    effects: of the rows, by id. known: what the mirror has of them. quarantined_keys: of their entries in
    quarantine. has_missing_rows: any of the stream's rows are missing at Kombo; these may be among them.
    """

    rows: list[Row]
    effects: Mapping[str, Change]
    unchanged: list[str]
    poisons: list[Poison]
    known: Mapping[str, Known]
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
    # One that is in quarantine may leave it, or has a column that could not be projected.
    entered = (
        keys_among(connection, run.environment, run.key, latest.values()) if flags.has_quarantine else set()
    )
    again = {each.id for each in latest.values() if entered and record_key(each.id, each.text) in entered}
    differ = differing(
        connection, destination, {record.id: record.content_hash for record in latest.values()}
    )
    known = {record_id: each for record_id, each in differ.items() if each is not None}
    if again:
        known |= known_rows(connection, destination, again)
    known = recognised(connection, destination, latest.values(), known)
    rows, effects, unchanged, poisons = [], {}, [], list(records.poisons)
    for record in latest.values():
        before = known.get(record.id)
        is_same = record.id not in differ or is_unchanged(record.content_hash, before)
        if is_same and record.id not in again:
            unchanged.append(record.id)
        elif isinstance(projected := source.project(record), Row):
            rows.append(projected)
            effects[record.id] = change(projected, before)
        else:
            poisons.append(projected)
    return PageDiff(rows, effects, unchanged, poisons, known, entered, flags.has_missing)
