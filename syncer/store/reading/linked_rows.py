"""Rows of the records that others carry copies of, as far as a copy may be another by now."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import cache
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    Text,
    bindparam,
    cast,
    literal,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.sql.selectable import CompoundSelect

from syncer.domain.gateway.copy_places import RecordKey
from syncer.store.db.in_values import in_parameter, parameter_values
from syncer.store.db.types import Timestamp
from syncer.store.schema.mirror_tables import MIRROR


class Since(Struct, frozen=True):
    """Moment by the database's clock, and the same by Kombo's; None: nobody knows it."""

    here: datetime
    at_kombo: datetime | None


class LinkedRow(Struct, frozen=True):
    """Row of a copied record. document: JSON text. deleted_at: as the row says; children are never marked."""

    document: str
    deleted_at: datetime | None


def read_linked_rows(
    connection: Connection,
    integration_id: str,
    records: Mapping[str, Collection[str]],
    since: Since | None,
) -> dict[RecordKey, LinkedRow]:
    """Read the rows of these records, of one integration. records: their ids by table.

    since: leave out those that were written before; and those that have been the same since they were first
    seen here, and at Kombo.
    """
    tables = tuple(sorted(table for table, ids in records.items() if ids))
    if not tables:
        return {}
    sqlite = connection.dialect.name == "sqlite"
    parameters: dict[str, Any] = {
        "since": since and since.here,
        "since_there": since and since.at_kombo,
    }
    for number, table in enumerate(tables):
        parameters[f"ids_{number}"] = parameter_values(records[table])
    found = connection.execute(_statement(tables, sqlite, since), parameters).all()
    # Whose they are is compared here: a database may take it for the better index, and read all of them.
    return {(row[0], row[1]): LinkedRow(row[2], row[3]) for row in found if row[4] == integration_id}


def _statement(
    tables: tuple[str, ...], sqlite: bool, since: Since | None
) -> Select[Any] | CompoundSelect[Any]:
    return _made(tables, sqlite, since is not None, since is not None and since.at_kombo is not None)


@cache
def _made(
    tables: tuple[str, ...], sqlite: bool, only_newer: bool, knows_kombo: bool
) -> Select[Any] | CompoundSelect[Any]:
    parts = [
        _part(MIRROR[table], f"ids_{number}", sqlite=sqlite, only_newer=only_newer, knows_kombo=knows_kombo)
        for number, table in enumerate(tables)
    ]
    return parts[0] if len(parts) == 1 else union_all(*parts)


def _part(table: Table, ids: str, *, sqlite: bool, only_newer: bool, knows_kombo: bool) -> Select[Any]:
    columns = table.c
    deleted_at: ColumnElement[Any] = columns.get("remote_deleted_at", cast(null(), Timestamp))
    rows = select(
        literal(table.name, Text),
        columns.id,
        cast(columns.document, Text),
        deleted_at.label("deleted_at"),
        columns.integration_id,
    ).where(in_parameter(columns.id, ids, sqlite=sqlite))
    # Children that their parents own are written with these, and bear no time of their own.
    if not only_newer or "mirrored_at" not in columns:
        return rows
    since = bindparam("since", type_=Timestamp)
    rows = rows.where(columns.mirrored_at >= since)
    if "first_seen_at" not in columns or not knows_kombo:
        return rows
    return rows.where(
        or_(
            columns.mirrored_at > columns.first_seen_at,
            columns.changed_at.is_(None),
            columns.changed_at >= bindparam("since_there", type_=Timestamp),
        )
    )
