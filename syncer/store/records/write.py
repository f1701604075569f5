"""Bulk writes of rows into the mirror, with their links and children."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Table, delete, select, update
from sqlalchemy.exc import DBAPIError

from syncer.domain.catalogue.model import Child
from syncer.domain.records.change import Change, Counts, StoredRow, count
from syncer.domain.records.record import Poison, ascii_json
from syncer.domain.records.row import Row
from syncer.store.db.bulk import insert, insert_new, upsert
from syncer.store.db.errors import Fault, fault, reason
from syncer.store.db.in_values import in_values
from syncer.store.db.removed_values import note_removed
from syncer.store.records.taken import note_taken_children, taken_ids, taken_poison
from syncer.store.schema.destination import Destination
from syncer.store.schema.mirror_tables import MIRROR

#: Beginning of the reason of a record that the database refused.
DATABASE_REFUSAL = "the database refuses it"


class RowsRefused(Exception):
    """The database refuses a value of the rows that were written together: the transaction cannot go on."""


class WrittenRows(Struct, frozen=True):
    """Result of writing some records.

    counts and effects, by id: of those that are in the mirror. rows: these, with all notes. poisons: the
    others, which go into quarantine. erased: ids of those that are erased, and were not written.
    """

    counts: Counts
    effects: dict[str, Change]
    rows: Sequence[Row]
    poisons: list[Poison]
    erased: Collection[str] = ()


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
    by_halves: bool = True,
) -> WrittenRows:
    """Write the rows that change something, and count the effects of all.

    rows: one for each id. effects: of each, by id; of unchanged ones only shared children are written, which
    may have been another integration's. stored: the stream's rows of them, looked up under the same lease. A
    row with a value that the database refuses is left out, and what the mirror had of it stays; so is one
    whose id belongs to another integration. keep_anonymised: a deleted record that Kombo has blanked keeps
    its last values, document, links and children here; only its deletion is recorded. by_halves: False saves
    the savepoint that leaving rows out takes, and raises RowsRefused where one would have to be.
    """
    write_all = partial(write_by_halves, connection) if by_halves else _write_together
    changed = [row for row in rows if effects[row.id] is not Change.UNCHANGED]
    unchanged = [row for row in rows if effects[row.id] is Change.UNCHANGED]
    taken: set[str] = set()
    are_new = not by_halves and all(effects[row.id] is Change.CREATED for row in changed)
    write = partial(_write, connection, destination, taken, stored, now, keep_anonymised, are_new)
    poisons = write_all(write, changed)
    poisons += [taken_poison(row) for row in changed if row.id in taken]
    poisons += write_all(partial(_write_shared, connection, destination, now), unchanged)
    poisoned = {poison.id for poison in poisons}
    accepted = note_taken_children(connection, destination, [row for row in rows if row.id not in poisoned])
    accepted_effects = {row.id: effects[row.id] for row in accepted}
    counts = count(accepted, stored, accepted_effects, walk_began_at)
    return WrittenRows(counts, accepted_effects, accepted, poisons)


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


def _write_together(write: Callable[[Sequence[Row]], None], rows: Sequence[Row]) -> list[Poison]:
    """Write the rows without a way back; there are no others than those that are written."""
    if rows:
        try:
            write(rows)
        except DBAPIError as error:
            if fault(error) is not Fault.VALUE:
                raise
            # Not with its cause, which repeats values.
            raise RowsRefused from None
    return []


def _write(
    connection: Connection,
    destination: Destination,
    taken: set[str],
    stored: Mapping[str, StoredRow],
    now: datetime,
    keep_anonymised: bool,
    are_new: bool,
    rows: Sequence[Row],
) -> None:
    """Write records that are new or have changed, with their links and children.

    are_new: nobody has rows with their ids, or the database refuses them all. Adds to taken the ids that
    belong to another integration.
    """
    blanked = [row for row in rows if keep_anonymised and row.is_shell and row.id in stored]
    blanked_ids = {row.id for row in blanked}
    whole = [row for row in rows if row.id not in blanked_ids]
    # In one order everywhere, so that two writers of the same rows cannot wait for each other.
    values = [destination.values(row, now) for row in sorted(whole, key=lambda row: row.id)]
    written = (
        insert_new(connection, destination.table, values)
        if are_new
        else upsert(
            connection,
            destination.table,
            values,
            keep=("first_seen_at",),
            owner=destination.owner_columns,
        )
    )
    if written < len(whole):
        ids = [row.id for row in whole]
        taken |= taken_ids(connection, destination.table, destination.id_column, ids, destination)
        whole = [row for row in whole if row.id not in taken]
    if any(row.is_shell and row.id in stored for row in whole):
        note_removed(connection)
    for row in blanked:
        _mark_deleted(connection, destination, row, now)
    replaced = [row.id for row in whole if row.id in stored]
    _write_relations(connection, destination, whole, replaced)
    _write_shared(connection, destination, now, whole)


def _write_relations(
    connection: Connection,
    destination: Destination,
    whole: Sequence[Row],
    replaced: Sequence[str],
) -> None:
    """Replace links and owned children with their parents."""
    for link in destination.links:
        _replace(connection, MIRROR[link.table], link.owner, replaced, _collect(whole, link.table, "links"))
    for child in destination.children:
        if child.owner is not None:
            entries = _child_entries(destination, child, whole)
            _replace(connection, MIRROR[child.table], child.owner, replaced, entries)


def _mark_deleted(connection: Connection, destination: Destination, row: Row, now: datetime) -> None:
    """Mark the row deleted, and keep its values."""
    # Rows of added lists have it among values that stay.
    told = {name: row.values[name] for name in ("changed_at",) if name in row.values}
    connection.execute(
        update(destination.table)
        .where(destination.id == row.id, *destination.stream_filter)
        .values(
            remote_deleted_at=row.deleted_at,
            **told,
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


def _write_shared(
    connection: Connection, destination: Destination, now: datetime, rows: Sequence[Row]
) -> None:
    """Write shared children, by their own ids, whose hashes differ; of several parents the last one wins.

    Those of another integration stay as they are.
    """
    for child in destination.children:
        entries = [] if child.owner is not None else _child_entries(destination, child, rows)
        if not entries:
            continue
        table = MIRROR[child.table]
        latest = {entry["id"]: {**entry, "mirrored_at": now} for entry in entries}
        found = connection.execute(
            select(table.c.id, table.c.content_hash).where(in_values(connection, table.c.id, latest))
        )
        hashes = {row[0]: bytes(row[1]) for row in found.all()}
        new = [entry for key, entry in sorted(latest.items()) if hashes.get(key) != entry["content_hash"]]
        upsert(connection, table, new, owner=destination.owner_columns)


def _child_entries(destination: Destination, child: Child, rows: Iterable[Row]) -> list[dict[str, Any]]:
    return [{**entry, **destination.stream_columns} for entry in _collect(rows, child.table, "children")]
