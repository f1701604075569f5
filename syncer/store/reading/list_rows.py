"""Rows of a list as statements find them: in a table of their own, or in the one that added lists share."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Table, Text, bindparam, cast, func

from syncer.store.db.types import Timestamp
from syncer.store.schema.later_of import last_told, later_of
from syncer.store.schema.mirror_tables import MIRROR, passthrough_records


class ListRows(Struct, frozen=True, eq=False):
    """Rows of one mirror table, or of one added list.

    id, remote_id: of the record. told: the moment by which ``updated_after`` goes. of_integration: conditions
    that choose the rows of one integration, with the parameters ``environment`` and ``integration``.
    """

    table: Table
    id: ColumnElement[str]
    remote_id: ColumnElement[str]
    told: ColumnElement[datetime]
    of_integration: tuple[ColumnElement[bool], ...]


@cache
def list_rows(name: str, *, sqlite: bool) -> ListRows:
    """Find the rows of the mirror table of that name; without one they are those of an added list."""
    table = MIRROR.get(name)
    return _shared_rows(name, sqlite) if table is None else _own_rows(table)


def _own_rows(table: Table) -> ListRows:
    columns = table.c
    # Children have no change of their own.
    told = last_told(table) if "changed_at" in columns else columns.mirrored_at
    mine = columns.integration_id == bindparam("integration")
    return ListRows(table, columns.id, columns.remote_id, told, (mine,))


def _shared_rows(name: str, sqlite: bool) -> ListRows:
    columns = passthrough_records.c
    told = later_of(_typed("changed_at", sqlite, Timestamp), columns.mirrored_at)
    # The first columns of the primary key, which goes on with the record's: a page is one look into it.
    mine = (
        columns.environment == bindparam("environment"),
        columns.resource == name,
        columns.integration_id == bindparam("integration"),
    )
    return ListRows(passthrough_records, columns.record_key, _typed("remote_id", sqlite, Text), told, mine)


def _typed(name: str, sqlite: bool, type_: type[Any]) -> ColumnElement[Any]:
    """Give one of the typed columns that a row of a shared table has as JSON."""
    columns = passthrough_records.c["columns"]
    if sqlite:
        # A moment is a text there, as it is in tables.
        return func.json_extract(columns, f"$.{name}", type_=type_)
    return cast(func.jsonb_extract_path_text(columns, name), type_)
