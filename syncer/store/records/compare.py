"""What the mirror has of records that have come. The database compares: what has not changed costs little."""

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

from syncer.domain.records.change import Known
from syncer.domain.records.record import Record, says_the_same
from syncer.store.db.in_values import is_listed
from syncer.store.schema.destination import Destination


def known_rows(connection: Connection, destination: Destination, ids: Iterable[str]) -> dict[str, Known]:
    """What the mirror has of these records, by id."""
    found = connection.execute(
        select(destination.id, *_known(destination.table)).where(
            is_listed(connection, destination.id, ids), *destination.key_filter
        )
    )
    return {row[0]: Known(*row[1:]) for row in found.all()}


def differing(
    connection: Connection, destination: Destination, hashes: Mapping[str, bytes]
) -> dict[str, Known | None]:
    """The records that may do something to the mirror, each with what that has of it; None: nothing.

    hashes: those of all records, by id.
    """
    key_columns = {f"its_{name}": value for name, value in destination.key_columns.items()}
    come = json.dumps({record_id: each.hex().upper() for record_id, each in hashes.items()})
    statement = _differing(
        destination.table, destination.id_column, tuple(destination.key_columns), connection.dialect.name
    )
    found = connection.execute(statement, {"come": come, **key_columns})
    return {row[0]: None if row[1] is None else Known(*row[2:]) for row in found.all()}


@cache
def _differing(table: Table, id_column: str, key_columns: tuple[str, ...], dialect: str) -> Select[Any]:
    """Made once: every page asks it."""
    come: ColumnElement[Any] = bindparam("come", type_=Text)
    if dialect == "sqlite":
        listed = func.json_each(come).table_valued("key", "value", name="come")
        theirs: ColumnElement[str] = func.hex(table.c.content_hash)
    else:
        listed = func.jsonb_each_text(cast(come, JSONB)).table_valued("key", "value", name="come")
        theirs = func.upper(func.encode(table.c.content_hash, "hex"))
    its = [table.c[name] == bindparam(f"its_{name}") for name in key_columns]
    known = _known(table)
    return (
        select(listed.c.key, table.c[id_column], *known)
        .select_from(listed.outerjoin(table, and_(table.c[id_column] == listed.c.key, *its)))
        .where(or_(table.c[id_column].is_(None), theirs != listed.c.value, table.c.deleted_by == "sweep"))
    )


def recognised(
    connection: Connection, destination: Destination, records: Iterable[Record], known: Mapping[str, Known]
) -> dict[str, Known]:
    """What the mirror has, with the hashes of records that say the same in another order of their members."""
    others = {
        record.id: record
        for record in records
        if record.id in known and known[record.id].content_hash != record.content_hash
    }
    if not others:
        return dict(known)
    parent = destination.table.c.parent if "parent" in destination.table.c else null()
    documents = connection.execute(
        select(destination.id, cast(destination.table.c.document, Text), parent).where(
            is_listed(connection, destination.id, others), *destination.key_filter
        )
    )
    same = [
        record_id
        for record_id, text, parent in documents.all()
        if says_the_same(others[record_id].text, text) and others[record_id].parent == parent
    ]
    return {**known, **{each: known[each]._replace(content_hash=others[each].content_hash) for each in same}}


def _known(table: Table) -> tuple[ColumnElement[Any], ...]:
    """The columns of ``Known``, in its order."""
    columns = table.c
    deleted = columns.remote_deleted_at.is_not(None)
    return columns.content_hash, deleted, columns.deleted_by, columns.mirrored_at
