"""The views of native and added lists, as the configuration asks for them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Column

from syncer.schema_reference.tables import OWN, Entry, column_entries
from syncer.store.db.types import SQL_TYPES
from syncer.store.schema.native_table import passthrough_records
from syncer.store.schema.native_views import SHOWN_AFTER, ConfiguredList
from syncer.store.schema.views import live_name


def native_entries(lists: Iterable[ConfiguredList]) -> dict[str, Entry]:
    """Describe each list's view and the one without its deleted rows, by name."""
    found: dict[str, Entry] = {}
    for each in lists:
        columns = column_entries(
            [
                *(_shown(name, source) for name, source in each.shown_first.items()),
                *(
                    Column(column.name, SQL_TYPES[column.type], comment=f"{column.source[0]} of the record")
                    for column in each.columns
                ),
                *(passthrough_records.c[name] for name in SHOWN_AFTER),
            ],
            {},
        )
        meanings = {
            each.name: each.view_comment,
            live_name(each.name): f"Rows of {each.name} that are not deleted",
        }
        for name, meaning in meanings.items():
            found[name] = Entry(name, "view", OWN, meaning, columns, source=passthrough_records.name)
    return found


def _shown(name: str, source: str) -> Column[Any]:
    column = passthrough_records.c[source]
    return column if name == source else Column(name, column.type, comment=column.comment)
