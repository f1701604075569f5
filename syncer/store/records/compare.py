"""Comparison of records with the stored rows, by the database: a record that has not changed costs little."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    cast,
    func,
    null,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB

from syncer.domain.records.change import StoredRow
from syncer.domain.records.record import Record, same_content
from syncer.store.db.in_values import in_values
from syncer.store.schema.destination import Destination


def stored_rows(connection: Connection, destination: Destination, ids: Iterable[str]) -> dict[str, StoredRow]:
    """Look up the stream's stored rows of these records, by id."""
    owner = destination.owner_columns
    # Whose they are is compared here: SQLite would take that for the better index than the ids.
    found = connection.execute(
        select(
            destination.id,
            *(destination.table.c[name] for name in owner),
            *_stored_columns(destination.table),
        ).where(in_values(connection, destination.id, ids), *destination.key_filter)
    )
    return {
        record_id: StoredRow(*row[len(owner) :])
        for record_id, *row in found.all()
        if row[: len(owner)] == list(owner.values())
    }


def changed_records(
    connection: Connection, destination: Destination, hashes: Mapping[str, bytes]
) -> dict[str, StoredRow | None]:
    """Find the records that may change their rows, each with its stored row; None: the stream has none.

    hashes: those of all records, by id. A row that a sweep has marked counts as changed whatever its hash.
    """
    stream = destination.stream_columns
    records = json.dumps({record_id: each.hex().upper() for record_id, each in hashes.items()})
    statement = _changed(destination.table, destination.id_column, tuple(stream), connection.dialect.name)
    parameters = {f"stream_{name}": value for name, value in stream.items()}
    found = connection.execute(statement, {"records": records, **parameters})
    return {row[0]: None if row[1] is None else StoredRow(*row[2:]) for row in found.all()}


@cache
def _changed(table: Table, id_column: str, stream_columns: tuple[str, ...], dialect: str) -> Select[Any]:
    """Make the statement once: every page runs it."""
    parameter: ColumnElement[Any] = bindparam("records", type_=Text)
    if dialect == "sqlite":
        records = func.json_each(parameter).table_valued("key", "value", name="records")
        stored_hash: ColumnElement[str] = func.hex(table.c.content_hash)
    else:
        records = func.jsonb_each_text(cast(parameter, JSONB)).table_valued("key", "value", name="records")
        stored_hash = func.upper(func.encode(table.c.content_hash, "hex"))
    same_stream = [table.c[name] == bindparam(f"stream_{name}") for name in stream_columns]
    stored_id = table.c[id_column]
    return (
        select(records.c.key, stored_id, *_stored_columns(table))
        .select_from(records.outerjoin(table, and_(stored_id == records.c.key, *same_stream)))
        .where(
            or_(stored_id.is_(None), stored_hash != records.c.value, table.c.deleted_by == "sweep"),
        )
    )


def ignore_member_order(
    connection: Connection,
    destination: Destination,
    records: Iterable[Record],
    stored: Mapping[str, StoredRow],
) -> dict[str, StoredRow]:
    """Give the stored rows, with the records' hashes where only the order of their members differs."""
    different = {
        record.id: record
        for record in records
        if record.id in stored and stored[record.id].content_hash != record.content_hash
    }
    if not different:
        return dict(stored)
    parent = destination.table.c.parent if "parent" in destination.table.c else null()
    documents = connection.execute(
        select(destination.id, cast(destination.table.c.document, Text), parent).where(
            in_values(connection, destination.id, different), *destination.key_filter
        )
    )
    reordered = {
        record_id: stored[record_id]._replace(content_hash=different[record_id].content_hash)
        for record_id, text, parent in documents.all()
        if same_content(different[record_id].text, text) and different[record_id].parent == parent
    }
    return {**stored, **reordered}


def _stored_columns(table: Table) -> tuple[ColumnElement[Any], ...]:
    """Give the columns of ``StoredRow``, in its order."""
    columns = table.c
    deleted = columns.remote_deleted_at.is_not(None)
    return columns.content_hash, deleted, columns.deleted_by, columns.mirrored_at
