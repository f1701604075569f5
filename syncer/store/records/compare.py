"""Comparison of records with the stored rows, by the database: a record that has not changed costs little."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    case,
    cast,
    func,
    not_,
    null,
    or_,
    select,
    true,
)

from syncer.domain.records.change import StoredRow
from syncer.store.db.in_values import in_values
from syncer.store.db.types import Hash
from syncer.store.schema.destination import Destination


class StoredDocument(NamedTuple):
    """Document of a stored row as JSON text; parent: the value of the row for which a tool listed it."""

    text: str
    parent: str | None


def stored_rows(connection: Connection, destination: Destination, ids: Iterable[str]) -> dict[str, StoredRow]:
    """Look up the stream's stored rows of these records, by id."""
    owner = destination.owner_columns
    # Whose they are is compared here: SQLite would take that for the better index than the ids.
    found = connection.execute(
        select(
            destination.id,
            *(destination.table.c[name] for name in owner),
            *_stored_columns(destination.table.c),
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
    owner, stream = destination.owner_columns, destination.stream_columns
    records = json.dumps({record_id: each.hex().upper() for record_id, each in hashes.items()})
    statement = _changed(
        destination.table, destination.id_column, tuple(stream), tuple(owner), connection.dialect.name
    )
    parameters = {f"stream_{name}": value for name, value in stream.items()}
    found = connection.execute(statement, {"records": records, **parameters})
    return {row[0]: None if row[1] is None else StoredRow(*row[2:]) for row in found.all()}


@cache
def _changed(
    table: Table,
    id_column: str,
    stream_columns: tuple[str, ...],
    owner_columns: tuple[str, ...],
    dialect: str,
) -> Select[Any]:
    """Make the statement once: every page runs it.

    Rows are found by the primary key alone, and whose they are is looked at afterwards. As a condition of the
    join a database may begin with that, and read all rows of an integration for every page: they look few to
    it as long as its statistics are older than the integration.
    """
    parameter: ColumnElement[Any] = bindparam("records", type_=Text)
    key = [
        table.c[name] == bindparam(f"stream_{name}") for name in stream_columns if name not in owner_columns
    ]
    if dialect == "sqlite":
        records = func.json_each(parameter).table_valued("key", "value", name="records")
        row: Any = table.c
        joined = records.outerjoin(table, and_(row[id_column] == records.c.key, *key))
        is_other: ColumnElement[bool] = func.hex(row.content_hash) != records.c.value
    else:
        # Not read where the database is SQLite.
        from sqlalchemy.dialects.postgresql import JSONB

        records = func.jsonb_each_text(cast(parameter, JSONB)).table_valued("key", "value", name="records")
        owners = (table.c[name] for name in owner_columns)
        one = select(table.c[id_column], *owners, *_stored_columns(table.c))
        one = one.where(table.c[id_column] == records.c.key, *key)
        # The limit has one row looked for at a time, whatever the key begins with.
        stored = one.limit(1).lateral("stored")
        row, joined = stored.c, records.outerjoin(stored, true())
        is_other = row.content_hash != cast(records.c.value, Hash)
    is_ours = and_(true(), *(row[name] == bindparam(f"stream_{name}") for name in owner_columns))
    return (
        select(records.c.key, case((is_ours, row[id_column])), *_stored_columns(row))
        .select_from(joined)
        .where(or_(row[id_column].is_(None), not_(is_ours), is_other, row.deleted_by == "sweep"))
    )


def stored_documents(
    connection: Connection, destination: Destination, ids: Collection[str]
) -> dict[str, StoredDocument]:
    """Look up the documents of the stream's stored rows of these records, by id."""
    if not ids:
        return {}
    parent = destination.table.c.parent if "parent" in destination.table.c else null()
    found = connection.execute(
        select(destination.id, cast(destination.table.c.document, Text), parent).where(
            in_values(connection, destination.id, ids), *destination.key_filter
        )
    )
    return {record_id: StoredDocument(text, parent) for record_id, text, parent in found.all()}


def _stored_columns(columns: Any) -> tuple[ColumnElement[Any], ...]:
    """Give those of ``StoredRow``, in its order, of a table's columns."""
    return columns.content_hash, columns.remote_deleted_at, columns.deleted_by, columns.mirrored_at
