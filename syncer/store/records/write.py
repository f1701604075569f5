"""Bulk writes of rows into the mirror, with their links and children."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, Table, delete, select, update
from sqlalchemy.exc import DBAPIError

from syncer.domain.catalogue.model import Child
from syncer.domain.records.change import Change, Counts, StoredRow, count
from syncer.domain.records.record import Poison, ascii_json
from syncer.domain.records.row import Row
from syncer.store.db.bulk import insert, upsert
from syncer.store.db.errors import Fault, fault, reason
from syncer.store.db.in_values import in_values
from syncer.store.schema.destination import Destination
from syncer.store.schema.mirror_tables import MIRROR

#: Beginning of the reason of a record that the database refused.
DATABASE_REFUSAL = "the database refuses it"


@dataclass(frozen=True, slots=True)
class WrittenRows:
    """Result of writing some records: counts, the effect of each by its id, and what goes into quarantine."""

    counts: Counts
    effects: dict[str, Change]
    poisons: list[Poison]


def write_rows(
    connection: Connection,
    destination: Destination,
    rows: Sequence[Row],
    effects: Mapping[str, Change],
    stored: Mapping[str, StoredRow],
    *,
    now: datetime,
    walk_began_at: datetime,
    keep_anonymised: bool = False,
) -> WrittenRows:
    """Write the rows that change something, and count the effects of all.

    rows: one for each id. effects: of each, by id; unchanged ones are not written. stored: the stored rows,
    looked up under the same lease. A row with a value that the database refuses is left out, and what the
    mirror had of it stays. keep_anonymised: a deleted record that Kombo has blanked keeps
    its last values, document, links and children here; only its deletion is recorded.
    """
    changed = [row for row in rows if effects[row.id] is not Change.UNCHANGED]
    write = partial(_write, connection, destination, stored=stored, now=now, keep_anonymised=keep_anonymised)
    poisons = write_by_halves(connection, write, changed)
    poisoned = {poison.id for poison in poisons}
    accepted = [row for row in rows if row.id not in poisoned]
    accepted_effects = {row.id: effects[row.id] for row in accepted}
    return WrittenRows(count(accepted, stored, accepted_effects, walk_began_at), accepted_effects, poisons)


def write_by_halves(
    connection: Connection, write: Callable[[Sequence[Row]], None], rows: Sequence[Row]
) -> list[Poison]:
    """Write the rows together or, where the database refuses that, by halves; give those that it refuses."""
    if not rows:
        return []
    try:
        with connection.begin_nested():
            write(rows)
        return []
    except DBAPIError as error:
        if fault(error) is not Fault.VALUE:
            raise
        if len(rows) == 1:
            return [Poison(rows[0].id, f"{DATABASE_REFUSAL}: {reason(error)}", ascii_json(rows[0].document))]
    middle = len(rows) // 2
    return [
        poison
        for half in (rows[:middle], rows[middle:])
        for poison in write_by_halves(connection, write, half)
    ]


def _write(
    connection: Connection,
    destination: Destination,
    rows: Sequence[Row],
    *,
    stored: Mapping[str, StoredRow],
    now: datetime,
    keep_anonymised: bool,
) -> None:
    """Write records that are new or have changed, with their links and children."""
    blanked = [row for row in rows if keep_anonymised and row.is_shell and row.id in stored]
    blanked_ids = {row.id for row in blanked}
    whole = [row for row in rows if row.id not in blanked_ids]
    upsert(
        connection,
        destination.table,
        # In one order everywhere, so that two writers of the same rows cannot wait for each other.
        [destination.values(row, now) for row in sorted(whole, key=lambda row: row.id)],
        keep=("first_seen_at",),
    )
    for row in blanked:
        _mark_deleted(connection, destination.table, row, now)
    replaced = [row.id for row in whole if row.id in stored]
    _write_relations(connection, destination, whole, replaced, now)


def _write_relations(
    connection: Connection,
    destination: Destination,
    whole: Sequence[Row],
    replaced: Sequence[str],
    now: datetime,
) -> None:
    """Replace links and owned children with their parents; write shared children by their own ids."""
    for link in destination.links:
        _replace(connection, MIRROR[link.table], link.owner, replaced, _collect(whole, link.table, "links"))
    for child in destination.children:
        entries = [
            {**entry, **destination.stream_columns} for entry in _collect(whole, child.table, "children")
        ]
        if child.owner is not None:
            _replace(connection, MIRROR[child.table], child.owner, replaced, entries)
        else:
            _write_shared(connection, child, entries, now)


def _mark_deleted(connection: Connection, table: Table, row: Row, now: datetime) -> None:
    """Mark the row deleted, and keep its values."""
    connection.execute(
        update(table)
        .where(table.c.id == row.id)
        .values(
            remote_deleted_at=row.deleted_at,
            changed_at=row.values["changed_at"],
            content_hash=row.content_hash,
            mirrored_at=now,
            deleted_by="kombo",
        )
    )


def _collect(rows: Iterable[Row], table: str, kind: str) -> list[dict[str, Any]]:
    return [entry for row in rows for entry in getattr(row, kind)[table]]


def _replace(
    connection: Connection, table: Table, owner: str, replaced: Sequence[str], entries: list[dict[str, Any]]
) -> None:
    if replaced:
        connection.execute(delete(table).where(in_values(connection, table.c[owner], replaced)))
    insert(connection, table, entries)


def _write_shared(connection: Connection, child: Child, entries: list[dict[str, Any]], now: datetime) -> None:
    """Write shared children whose hashes differ; of several parents on the page the last one wins."""
    table = MIRROR[child.table]
    latest = {entry["id"]: {**entry, "mirrored_at": now} for entry in entries}
    if not latest:
        return
    found = connection.execute(
        select(table.c.id, table.c.content_hash).where(in_values(connection, table.c.id, latest))
    )
    hashes = {row[0]: bytes(row[1]) for row in found.all()}
    new = [entry for key, entry in sorted(latest.items()) if hashes.get(key) != entry["content_hash"]]
    upsert(connection, table, new)
