"""Columns of a mirror table that hold something."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, Text, cast, select

from syncer.store.schema.mirror_tables import MIRROR

#: JSON that says nothing, as either database writes it.
_NOTHING = ("null", "{}", "[]")


def filled_columns(connection: Connection, table: str, names: Iterable[str]) -> list[str]:
    """Name those of a table's JSON columns that hold something in any row."""
    columns = MIRROR[table].c
    return [
        name
        for name in names
        if connection.execute(
            select(columns.id)
            .where(columns[name].is_not(None), cast(columns[name], Text).not_in(_NOTHING))
            .limit(1)
        ).first()
    ]
