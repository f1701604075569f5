"""Copies inside a record brought up to date from the copied records' own rows. Pure.

A copy keeps the members that it has: it takes the values of the row, and no member that Kombo does not copy.
Which records stand in a list of the carrier is what the carrier says.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from syncer.domain.catalogue.members import members
from syncer.domain.gateway.copy_places import CopyPlace, RecordKey, copy_places

Members = dict[str, Any]
Records = Mapping[RecordKey, Members]


def refresh_copies(table: str, record: Members, rows: Records) -> tuple[bool, set[RecordKey]]:
    """Bring the copies inside a record of the table up to date, as far as their rows are given.

    Tells whether anything was another, and which records have come to stand inside a copy: these are as the
    copied record's row says, and may have rows of their own.
    """
    refresh = _Refresh(rows)
    refresh.inside(record, copy_places(table), {})
    return refresh.has_changed, refresh.new


def marked_deleted(record: Members, deleted_at: datetime | None) -> bool:
    """Have a record say when it was deleted, where only its row does; tell whether it was another.

    A sweep marks the row of a record that Kombo does not list any more, and its document stays.
    """
    if deleted_at is None or record.get("remote_deleted_at") is not None:
        return False
    moment = deleted_at.astimezone(UTC).isoformat(timespec="milliseconds")
    record["remote_deleted_at"] = moment.removesuffix("+00:00") + "Z"
    return True


class _Refresh:
    def __init__(self, rows: Records) -> None:
        self._rows = rows
        self.has_changed = False
        self.new: set[RecordKey] = set()

    def inside(self, record: Members, places: Mapping[str, CopyPlace], row: Members) -> None:
        """Refresh the copies inside a record or copy; row: of the copied record, or empty."""
        for name, place in places.items():
            if name not in record:
                continue
            if name in row and place.table is not None:
                self._follow(record, name, row[name], place)
            value = record[name]
            for copy in value if isinstance(value, list) else (value,):
                if isinstance(copy, dict):
                    self._copy(copy, place)

    def _copy(self, copy: Members, place: CopyPlace) -> None:
        record_id, row = copy.get("id"), Members()
        if place.table is not None and isinstance(record_id, str):
            row = self._rows.get((place.table, record_id), row)
        places = place.places()
        # What the row does not have any more it may leave out, as it may say null.
        known = members()[place.table] if row and place.table is not None else row.keys()
        for name in copy.keys() & (row.keys() | known) - places.keys() - place.beside:
            if copy[name] != row.get(name):
                copy[name] = row.get(name)
                self.has_changed = True
        self.inside(copy, places, row)

    def _follow(self, copy: Members, name: str, told: Any, place: CopyPlace) -> None:
        """Have a copy inside a copy be of those records that the copied record's row names."""
        before = copy[name]
        if _ids(before) == _ids(told):
            return
        known = {each.get("id"): each for each in _entries(before)}
        shown = {member for each in known.values() for member in each}
        after = [known.get(each.get("id")) or _part(each, shown) for each in _entries(told)]
        copy[name] = after if isinstance(told, list) else next(iter(after), None)
        self.has_changed = True
        self.new |= {(str(place.table), each) for each in _ids(told) - _ids(before) if isinstance(each, str)}


def _entries(value: Any) -> list[Members]:
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, dict)]


def _ids(value: Any) -> set[Any]:
    return {each.get("id") for each in _entries(value) if not isinstance(each.get("id"), dict | list)}


def _part(record: Members, shown: set[str]) -> Members:
    """Take the members that other copies here have; all of them where there is none to go by."""
    return {name: value for name, value in record.items() if not shown or name in shown}
