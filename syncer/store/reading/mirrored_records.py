"""Rows of the mirror as a verification sees them: documents, and whether all else follows from them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, Date, Table, Text, Time, cast, func, select
from sqlalchemy import type_coerce as as_type
from sqlalchemy.types import Boolean, NullType

from syncer.domain.catalogue.model import Child, Model
from syncer.domain.records.exclude import Excluded
from syncer.domain.records.record import Poison
from syncer.domain.records.row import Row, project_entry
from syncer.domain.verification.compare import MirroredRecord, same_text
from syncer.store.db.in_values import in_values
from syncer.store.db.types import Json, Number, Timestamp, timestamp_text
from syncer.store.records.model_projector import NOT_IN_DOCUMENT
from syncer.store.schema.destination import Destination
from syncer.store.schema.mirror_tables import MIRROR

Values = dict[str, Any]

#: Ids that one statement reads.
IDS_AT_ONCE = 5_000


def mirrored_records(
    connection: Connection,
    model: Model,
    destination: Destination,
    ids: Collection[str],
    excluded: Excluded | None,
    project: Callable[[bytes], Row | Poison],
) -> dict[str, MirroredRecord]:
    """Read the stream's rows of these records, by id.

    excluded: from the records of the model. project: projects a document of them.
    """
    table, key = destination.table, destination.id_column
    rows = {row[key]: row for row in _rows(connection, table, key, ids, destination.stream_columns)}
    projected = {record_id: project(row["document"].encode()) for record_id, row in rows.items()}
    whole = {record_id: each for record_id, each in projected.items() if isinstance(each, Row)}
    astray = {
        record_id
        for record_id, each in whole.items()
        if each.id != record_id or _differs(table, each, rows[record_id])
    }
    astray |= rows.keys() - whole.keys()
    astray |= _with_other_links(connection, model, whole)
    for child in model.children:
        if child.owner is None:
            integration_id = destination.stream_columns["integration_id"]
            astray |= _with_other_shared(connection, child, whole, integration_id, excluded)
        else:
            astray |= _with_other_children(connection, child, whole)
    return {
        record_id: MirroredRecord(
            row["document"].encode(),
            bytes(row["content_hash"]),
            row["remote_deleted_at"] is not None,
            record_id not in astray,
        )
        for record_id, row in rows.items()
    }


def live_ids(connection: Connection, destination: Destination, after: str) -> list[str]:
    """Read the next ids of live rows of the stream behind an id, in order."""
    found = connection.execute(
        select(destination.id)
        .where(
            *destination.stream_filter,
            destination.table.c.remote_deleted_at.is_(None),
            destination.id > after,
        )
        .order_by(destination.id)
        .limit(IDS_AT_ONCE)
    )
    return list(found.scalars())


def count_deleted(connection: Connection, destination: Destination) -> int:
    """Count the stream's rows that are marked deleted."""
    return connection.execute(
        select(func.count())
        .select_from(destination.table)
        .where(*destination.stream_filter, destination.table.c.remote_deleted_at.is_not(None))
    ).scalar_one()


def _differs(table: Table, row: Row, stored: Mapping[str, Any]) -> bool:
    """Tell whether a row's columns are others than those of its document."""
    names = row.values.keys() - NOT_IN_DOCUMENT
    if stored["remote_deleted_at"] is None:
        # Of a deleted one it may be Kombo's later word.
        names |= {"changed_at"} & row.values.keys()
    return any(not _is_same(table.c[name], row.values.get(name), stored[name]) for name in names)


def _with_other_links(connection: Connection, model: Model, rows: Mapping[str, Row]) -> set[str]:
    """Find the records whose links are others than those of their documents."""
    found = set[str]()
    for link in model.links:
        table = MIRROR[link.table]
        stored = _by_owner(_rows(connection, table, link.owner, rows), link.owner)
        for record_id, row in rows.items():
            if not _are_same(table, row.links[link.table], stored[record_id], link.target):
                found.add(record_id)
    return found


def _with_other_children(connection: Connection, child: Child, rows: Mapping[str, Row]) -> set[str]:
    """Find the records whose own children are others than those of their documents."""
    found = set[str]()
    assert child.owner is not None
    table = MIRROR[child.table]
    stored = _by_owner(_rows(connection, table, child.owner, rows), child.owner)
    for record_id, row in rows.items():
        if not _are_same(table, row.children[child.table], stored[record_id], "position"):
            found.add(record_id)
    return found


def _with_other_shared(
    connection: Connection,
    child: Child,
    rows: Mapping[str, Row],
    integration_id: str,
    excluded: Excluded | None,
) -> set[str]:
    """Find the records with a shared child that is not there, or does not follow from its own document.

    What it says may have come with another parent; one of another integration stays with that.
    """
    table = MIRROR[child.table]
    carried = {
        record_id: {entry["id"] for entry in row.children[child.table]} for record_id, row in rows.items()
    }
    stored = {row["id"]: row for row in _rows(connection, table, "id", set().union(*carried.values()))}
    astray = set[str]()
    for child_id, row in stored.items():
        if row["integration_id"] == integration_id and not _follows(table, child, row, excluded):
            astray.add(child_id)
    return {
        record_id
        for record_id, ids in carried.items()
        if not ids <= stored.keys() or not ids.isdisjoint(astray)
    }


def _follows(table: Table, child: Child, stored: Mapping[str, Any], excluded: Excluded | None) -> bool:
    try:
        entry = project_entry(child, stored["document"].encode(), excluded)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    if entry is None:
        return False
    names = entry.keys() - {"content_hash"}
    return all(_is_same(table.c[name], entry[name], stored[name]) for name in names)


def _are_same(table: Table, wanted: Sequence[Values], stored: Sequence[Mapping[str, Any]], key: str) -> bool:
    """Tell whether stored entries of one owner are those of its document; key: tells one from the others."""
    if len(wanted) != len(stored):
        return False
    by_key = {entry[key]: entry for entry in stored}
    return all(
        entry[key] in by_key
        and all(_is_same(table.c[name], value, by_key[entry[key]][name]) for name, value in entry.items())
        for entry in wanted
    )


def _by_owner(rows: Iterable[Mapping[str, Any]], owner: str) -> defaultdict[str, list[Mapping[str, Any]]]:
    found = defaultdict[str, list[Mapping[str, Any]]](list)
    for row in rows:
        found[row[owner]].append(row)
    return found


def _rows(
    connection: Connection,
    table: Table,
    key: str,
    values: Collection[str],
    stream_columns: Mapping[str, str] | None = None,
) -> Iterator[Mapping[str, Any]]:
    """Read the rows that have one of these values in a column."""
    if not values:
        return
    is_sqlite = connection.dialect.name == "sqlite"
    found = connection.execute(
        select(*(_as_stored(column, is_sqlite=is_sqlite) for column in table.c)).where(
            in_values(connection, table.c[key], values)
        )
    )
    for each in found.mappings():
        row = {str(name): value for name, value in each.items()}
        # Whose they are is compared here: SQLite would take that for the better index than the ids.
        if all(row[name] == value for name, value in (stream_columns or {}).items()):
            yield row


def _as_stored(column: Column[Any], *, is_sqlite: bool) -> ColumnElement[Any]:
    """Select a column as the database has it: JSON as text, and on SQLite whatever somebody has put there."""
    if isinstance(column.type, Json):
        return cast(column, Text).label(column.name)
    return as_type(column, NullType()).label(column.name) if is_sqlite else column


def _is_same(column: Column[Any], wanted: Any, stored: Any) -> bool:
    """Tell whether a column has the value that it was given, in the form that the database keeps it in."""
    if wanted is None or stored is None:
        return wanted is stored
    if isinstance(column.type, Json):
        return isinstance(stored, str) and same_text(wanted.encode(), stored.encode())
    if isinstance(stored, type(wanted)) and stored == wanted:
        return True
    if isinstance(column.type, Number):
        return _is_same_number(wanted, stored)
    if isinstance(column.type, Timestamp):
        return isinstance(stored, str) and stored == timestamp_text(wanted)
    if isinstance(column.type, Date | Time):
        return isinstance(stored, str) and stored == wanted.isoformat()
    if isinstance(column.type, Boolean):
        return isinstance(stored, int) and stored == wanted
    return False


def _is_same_number(wanted: Any, stored: Any) -> bool:
    """Compare numbers, on SQLite as its NUMERIC keeps them: as doubles."""
    if isinstance(stored, Decimal):
        return bool(stored == wanted)
    return isinstance(stored, int | float) and float(stored) == float(wanted)
