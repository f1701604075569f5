"""The views of native lists, as the configuration asks for them."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Column

from syncer.domain.native.spec import NativeListSpec
from syncer.schema_reference.tables import OWN, Entry, column_entries
from syncer.store.db.types import SQL_TYPES
from syncer.store.schema.native_table import passthrough_records
from syncer.store.schema.native_views import SHOWN_AFTER, SHOWN_BEFORE
from syncer.store.schema.views import live_name


def native_entries(native_lists: Iterable[NativeListSpec]) -> dict[str, Entry]:
    """Describe each list's view and the one without its deleted rows, by name."""
    found: dict[str, Entry] = {}
    for native_list in native_lists:
        columns = column_entries(
            [
                *(passthrough_records.c[name] for name in SHOWN_BEFORE),
                *(
                    Column(each.name, SQL_TYPES[each.type], comment=f"{each.source[0]} of the record")
                    for each in native_list.columns
                ),
                *(passthrough_records.c[name] for name in SHOWN_AFTER),
            ],
            {},
        )
        meanings = {
            native_list.name: f"Records of {native_list.call.path} of {native_list.call.api}",
            live_name(native_list.name): f"Rows of {native_list.name} that are not deleted",
        }
        for name, meaning in meanings.items():
            found[name] = Entry(name, "view", OWN, meaning, columns, source=passthrough_records.name)
    return found
