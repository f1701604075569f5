"""Ids that belong to another integration: nothing is taken from it, and the record goes into quarantine.

Kombo's ids are meant to be of one integration each. Where one comes under two, the first has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace
from sqlalchemy import Connection, Table, false, or_, select

from syncer.domain.records.record import ID_TAKEN, Poison, ascii_json
from syncer.domain.records.row import Row
from syncer.store.db.in_values import in_values
from syncer.store.schema.destination import Destination
from syncer.store.schema.mirror_tables import MIRROR


def taken_ids(
    connection: Connection, table: Table, id_column: str, ids: Iterable[str], destination: Destination
) -> set[str]:
    """Find those of the ids whose rows in the table belong to another integration than the destination's."""
    others = [table.c[name] != value for name, value in destination.owner_columns.items()]
    found = connection.execute(
        select(table.c[id_column]).where(
            in_values(connection, table.c[id_column], ids), or_(false(), *others)
        )
    )
    return set(found.scalars())


def note_taken_children(connection: Connection, destination: Destination, rows: Sequence[Row]) -> list[Row]:
    """Note on the rows which of their shared children belong to another integration."""
    noted = list(rows)
    for child in destination.children:
        ids = {entry["id"] for row in rows for entry in row.children[child.table]}
        if child.owner is not None or not ids:
            continue
        taken = taken_ids(connection, MIRROR[child.table], "id", ids, destination)
        if taken:
            noted = [_noted(row, child.table, taken) for row in noted]
    return noted


def _noted(row: Row, table: str, taken: set[str]) -> Row:
    notes = [f"{ID_TAKEN}: {entry['id']} of {table}" for entry in row.children[table] if entry["id"] in taken]
    return replace(row, notes=(*row.notes, *dict.fromkeys(notes)))


def taken_poison(row: Row) -> Poison:
    """Quarantine a record whose id belongs to another integration."""
    return Poison(row.id, ID_TAKEN, ascii_json(row.document))
