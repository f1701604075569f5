"""Effect of an arriving record on its row. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime
from enum import Enum
from operator import add
from typing import NamedTuple, Self

from msgspec import Struct
from msgspec.structs import astuple

from syncer.domain.records.row import Row


class Change(Enum):
    """The effect of one record; every record of a page has exactly one."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    DELETED = "deleted"
    RESTORED = "restored"


class StoredRow(NamedTuple):
    """Stored state of a record's row: enough to decide without reading its values."""

    content_hash: bytes
    deleted_at: datetime | None
    deleted_by: str | None
    mirrored_at: datetime

    @property
    def is_deleted(self) -> bool:
        """True where the row is marked deleted."""
        return self.deleted_at is not None


class Counts(Struct, frozen=True):
    """Effects of some records, added up. moved: see ``has_moved``.

    live and gone: by how much the numbers of live and of deleted rows have changed.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    restored: int = 0
    quarantined: int = 0
    moved: int = 0
    live: int = 0
    gone: int = 0

    def __add__(self, other: Self) -> Counts:
        return Counts(*map(add, astuple(self), astuple(other)))

    @property
    def written(self) -> int:
        """Rows that were written."""
        return self.created + self.updated + self.deleted + self.restored


def is_unchanged(content_hash: bytes, stored: StoredRow | None) -> bool:
    """True where a record does nothing to its row, which has that hash already.

    Except for a row that a sweep had marked: it is alive again, whatever its hash.
    """
    return stored is not None and stored.content_hash == content_hash and stored.deleted_by != "sweep"


def change(row: Row, stored: StoredRow | None) -> Change:
    """Decide the effect of the record on its row."""
    deleted = row.deleted_at is not None
    if stored is None:
        return Change.CREATED
    if is_unchanged(row.content_hash, stored):
        return Change.UNCHANGED
    if stored.is_deleted and not deleted:
        return Change.RESTORED
    return Change.DELETED if deleted and not stored.is_deleted else Change.UPDATED


def has_moved(effect: Change, stored: StoredRow | None, walk_began_at: datetime) -> bool:
    """True where a walk meets a record again that it has already stored, and finds it different.

    Then the record changed while the walk was reading. Where a list is ordered by time of change and paged
    by position, such a record leaves its place, all behind it move up by one, and one of them is never
    served: the walk has to be repeated to have seen everything.
    """
    return stored is not None and effect is not Change.UNCHANGED and stored.mirrored_at >= walk_began_at


def count(
    rows: Collection[Row],
    stored: Mapping[str, StoredRow],
    effects: Mapping[str, Change],
    walk_began_at: datetime,
) -> Counts:
    """Count the records' effects. stored and effects: by id."""
    effect_of = Counter(effects[row.id].value for row in rows)
    quarantined = moved = live = gone = 0
    for row in rows:
        before = stored.get(row.id)
        deleted = row.deleted_at is not None
        quarantined += bool(row.notes)
        moved += has_moved(effects[row.id], before, walk_began_at)
        live += (not deleted) - (before is not None and not before.is_deleted)
        gone += deleted - (before is not None and before.is_deleted)
    return Counts(**effect_of, quarantined=quarantined, moved=moved, live=live, gone=gone)
