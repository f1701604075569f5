"""Records as the API gives them, into the mirror: read, compared, projected, written and counted."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from syncer.domain.records.change import Change, Counts, Known, is_unchanged
from syncer.domain.records.record import Poison
from syncer.domain.records.row import Row
from syncer.domain.streams.decisions import Kind
from syncer.domain.streams.key import StreamKey
from syncer.store.records.compare import differing, known_rows, recognised
from syncer.store.records.write import Written, write_page
from syncer.store.state.health import set_apart
from syncer.store.state.missing import MissingStore
from syncer.store.state.quarantine import keep_in_quarantine, keys_among, record_key
from syncer.store.state.runs import count_page
from syncer.store.state.streams import Lease
from syncer.sync.context import Engine
from syncer.sync.sources.base import Records, Source


@dataclass(frozen=True, slots=True)
class Compared:
    """Records beside the mirror. unchanged: ids of those that do nothing to it; rows: the others, projected.

    known: what the mirror has of them. entered: keys of their entries in quarantine. some_are_missing:
    whether any of the stream's rows are missing at Kombo; these may be among them.
    """

    rows: list[Row]
    unchanged: list[str]
    poisons: list[Poison]
    known: Mapping[str, Known]
    entered: Collection[str]
    some_are_missing: bool

    @property
    def ids(self) -> list[str]:
        """The ids among them, also of records that cannot be rows."""
        return [*self.unchanged, *self.to_write]

    @property
    def shown(self) -> list[str | None]:
        """What the list has shown: the ids, and None for each record whose id cannot be told."""
        return [*self.ids, *(None for each in self.poisons if each.id is None)]

    @property
    def to_write(self) -> set[str]:
        """The ids of those that the mirror or the quarantine will have in another way."""
        poisoned = {each.id for each in self.poisons if each.id is not None}
        return poisoned.union(row.id for row in self.rows)

    @property
    def changes_nothing(self) -> bool:
        """Whether neither the mirror's rows nor the quarantine will be others than they are."""
        return not self.rows and not self.poisons

    def without(self, ids: Collection[str]) -> Compared:
        """The same, where records with these ids do nothing."""
        rows = [row for row in self.rows if row.id not in ids]
        return replace(self, rows=rows, unchanged=[*self.unchanged, *ids])


def compare(
    connection: Connection, engine: Engine, key: StreamKey, source: Source, records: Records
) -> Compared:
    """What of the records the mirror has already; only the others are projected.

    It may be asked before the transaction that writes, as long as both are under one lease.
    """
    shelf = source.shelf
    latest = {record.id: record for record in records.usable}
    environment = engine.streams.environment
    are_quarantined, are_missing = set_apart(connection, environment, key)
    # One that is in quarantine may leave it, or has a column that could not be projected.
    entered = keys_among(connection, environment, key, latest.values()) if are_quarantined else set()
    differ = differing(connection, shelf, {record.id: record.content_hash for record in latest.values()})
    again = {each.id for each in latest.values() if entered and record_key(each.id, each.text) in entered}
    known = {record_id: each for record_id, each in differ.items() if each is not None}
    if again:
        known |= known_rows(connection, shelf, again)
    known = recognised(connection, shelf, latest.values(), known)
    rows, unchanged, poisons = [], [], list(records.poisons)
    for record in latest.values():
        does_nothing = record.id not in differ or is_unchanged(record.content_hash, known.get(record.id))
        if does_nothing and record.id not in again:
            unchanged.append(record.id)
        elif isinstance(projected := source.project(record), Row):
            rows.append(projected)
        else:
            poisons.append(projected)
    return Compared(rows, unchanged, poisons, known, entered, are_missing)


def take_stream(connection: Connection, engine: Engine, lease: Lease, source: Source, now: datetime) -> None:
    """Before anything is written: what this process takes for the list's projection may be so no longer,
    and a runner that has lost its lease must not write a row. Raises ProjectionReplaced, LeaseLost.
    """
    source.hold(connection)
    engine.streams.renew(connection, lease, now, engine.rules.lease)


def write_records(
    connection: Connection,
    engine: Engine,
    lease: Lease,
    run_id: str,
    source: Source,
    records: Compared,
    *,
    now: datetime,
    walk_began_at: datetime,
    kind: Kind | None,
    pages: int = 1,
) -> Written:
    """Make the mirror's rows those of the records; gives what each of them did, and all that is held back.

    kind, pages: what the run is told beside the counts. Call ``take_stream`` before.
    """
    key, environment = lease.key, engine.streams.environment
    written = write_page(
        connection,
        source.shelf,
        records.rows,
        now=now,
        walk_began_at=walk_began_at,
        known=records.known,
        keep_anonymised=engine.rules.keep_anonymised,
    )
    poisons = [*records.poisons, *written.refused]
    counts = written.counts + Counts(unchanged=len(records.unchanged), quarantined=len(poisons))
    effects = {**written.effects, **dict.fromkeys(records.unchanged, Change.UNCHANGED)}
    keep_in_quarantine(connection, environment, key, run_id, now, poisons, records.rows, records.entered)
    if records.some_are_missing:
        MissingStore(environment, key).forget(connection, records.ids)
    count_page(connection, run_id, kind, counts, pages)
    return Written(counts, effects, poisons)


def write_asked(
    connection: Connection, engine: Engine, lease: Lease, run_id: str, source: Source, records: Records
) -> Written:
    """The same for records that were asked for outside of a walk, the stream's counters included.

    Raises ProjectionReplaced, LeaseLost.
    """
    now = engine.database.now(connection)
    take_stream(connection, engine, lease, source, now)
    written = write_records(
        connection,
        engine,
        lease,
        run_id,
        source,
        compare(connection, engine, lease.key, source, records),
        now=now,
        walk_began_at=now,
        kind=None,
        pages=0,
    )
    engine.streams.count_rows(connection, lease, written.counts)
    return written
