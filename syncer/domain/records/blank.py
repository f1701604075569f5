"""Blanking of copies: what a blanked record has left inside other records. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from syncer.domain.catalogue.members import FREE, embeds, entries, entry_members, members

#: Members that a blanked record keeps, and a copy of it.
SHELL_MEMBERS = frozenset(
    {"id", "remote_id", "changed_at", "remote_deleted_at", "remote_created_at", "remote_updated_at"}
)


def is_blank(value: Any) -> bool:
    """True where a value says nothing; zero and false say something."""
    if isinstance(value, dict):
        return all(map(is_blank, value.values()))
    if isinstance(value, list):
        return all(map(is_blank, value))
    return value is None or value == ""


def blank_copies(table: str, record: dict[str, Any], blanked: str, ids: Collection[str]) -> bool:
    """Take all members but those of a shell out of the copies of records inside a record of the table.

    blanked: the table of these records, and ids theirs. In what the catalogue does not describe every object
    with one of the ids is such a copy. Says whether there was anything. Raises RecursionError.
    """
    return _blank(table, record, members()[table], blanked, ids)


def _blank(
    table: str, record: dict[str, Any], known: frozenset[str], blanked: str, ids: Collection[str]
) -> bool:
    changed = False
    for embed in embeds()[table]:
        for copy in entries(record, embed.path):
            if embed.table == blanked and copy.get("id") in ids:
                changed |= _empty(copy)
            else:
                inside = entry_members(table, embed.path)
                changed |= _blank(embed.table, copy, inside, blanked, ids)
    for name, value in record.items():
        if name not in known or name in FREE:
            changed |= _blank_anywhere(value, ids)
    return changed


def _blank_anywhere(value: Any, ids: Collection[str]) -> bool:
    if isinstance(value, dict):
        record_id = value.get("id")
        if isinstance(record_id, str) and record_id in ids:
            return _empty(value)
        value = list(value.values())
    changed = False
    if isinstance(value, list):
        for item in value:
            changed |= _blank_anywhere(item, ids)
    return changed


def _empty(copy: dict[str, Any]) -> bool:
    """Take out what a shell does not have; null says nothing and may stay."""
    gone = [name for name, value in copy.items() if name not in SHELL_MEMBERS and value is not None]
    for name in gone:
        del copy[name]
    return bool(gone)
