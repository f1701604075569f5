"""Native lists whose rows cannot be kept: keys hold what is excluded, or nobody can clean the records."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, delete, select, update

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.places import PLACES, Holds
from syncer.domain.native.key_members import KeyMember
from syncer.domain.records.exclusions import ANYWHERE, Exclusion
from syncer.domain.records.projection import Projection
from syncer.store.db.removed_values import note_removed
from syncer.store.schema.feed_tables import changes
from syncer.store.schema.state_tables import metadata, projections, streams
from syncer.store.state.quarantine import hashed_key
from syncer.store.state.stream_columns import walk_values

#: Column with the name of the list, where it is not ``model``.
_LIST_COLUMNS = {"passthrough_records": "resource"}


def lists_to_drop(
    stored: Mapping[str, Projection], configured: Collection[str], exclusions: frozenset[Exclusion]
) -> list[str]:
    """Name the native lists, of those with rows, that these exclusions leave no way to keep.

    One that is not configured any more has no definition by which its records could be read.
    """
    everywhere = {str(each) for each in exclusions if each.table == ANYWHERE}
    return [
        name
        for name, before in stored.items()
        if name not in catalogue()
        and exclusions
        and (
            before.key_members is None
            or any(KeyMember.read(each).excluded_by(exclusions) for each in before.key_members)
            or (name not in configured and not everywhere.issubset(before.exclusions))
        )
    ]


def drop_list(connection: Connection, name: str) -> None:
    """Drop the rows of a native list and whatever is kept by their keys; its streams have read nothing then.

    Changes in the feed stay, since its numbers have no gaps; of their keys hashes are left.
    """
    for table_name in {place.table for place in PLACES if place.holds in (Holds.KEY, Holds.PARENT)}:
        table = metadata.tables[table_name]
        condition = table.c[_LIST_COLUMNS.get(table_name, "model")] == name
        if table is changes:
            _hash_keys(connection, name)
        elif table is projections:
            connection.execute(update(table).where(condition).values(at_table=None, after_id=None))
        elif table is streams:
            unread = {"rows_live": 0, "rows_deleted": 0, "watermark": None, "last_full_walk_at": None}
            connection.execute(update(table).where(condition).values(**walk_values(None), **unread))
        else:
            connection.execute(delete(table).where(condition))
    note_removed(connection)


def _hash_keys(connection: Connection, name: str) -> None:
    of_list = changes.c.model == name
    keys = connection.execute(select(changes.c.record_id).where(of_list).distinct()).scalars().all()
    for key in keys:
        same = of_list & (changes.c.record_id == key)
        connection.execute(update(changes).where(same).values(record_id=hashed_key(key), before=None))
