"""The views of native lists, as the configuration asks for them."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Column

from syncer.domain.native.spec import Resource
from syncer.schema_reference.tables import OWN, Entry, column_entries
from syncer.store.db.types import SQL_TYPES
from syncer.store.schema.native_table import passthrough_records
from syncer.store.schema.native_views import SHOWN_AFTER, SHOWN_BEFORE
from syncer.store.schema.safe_views import live_name


def native_entries(resources: Iterable[Resource]) -> dict[str, Entry]:
    """Name -> entry of each list's view and of that without its deleted rows."""
    found: dict[str, Entry] = {}
    for resource in resources:
        columns = column_entries(
            [
                *(passthrough_records.c[name] for name in SHOWN_BEFORE),
                *(
                    Column(each.name, SQL_TYPES[each.type], comment=f"{each.source[0]} of the record")
                    for each in resource.columns
                ),
                *(passthrough_records.c[name] for name in SHOWN_AFTER),
            ],
            {},
        )
        meanings = {
            resource.name: f"Records of {resource.call.path} of {resource.call.api}",
            live_name(resource.name): f"Rows of {resource.name} that are not deleted",
        }
        for name, meaning in meanings.items():
            found[name] = Entry(name, "view", OWN, meaning, columns, source=passthrough_records.name)
    return found
