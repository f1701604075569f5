"""Removal of excluded members from records, wherever in them the catalogue or a name tells that they stand.

An exclusion holds for the list's own records and for the copies of them inside other records, as far as the
catalogue knows these (``Column.embeds``, ``Child``). In what it does not describe, members that are new to it
and those of the tool or the customer (``FREE``), nobody can tell whose copy an object is: there every object
loses what is excluded of any model of the family. An exclusion of ``*`` holds at any depth of every record.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from syncer.domain.catalogue.members import FREE, embeds, entries, entry_members, members
from syncer.domain.catalogue.model import Embed
from syncer.domain.records.exclusions import ANYWHERE, Exclusion, Path

Record = dict[str, Any]

_ABSENT = object()


def excluded_from(
    table: str, every: frozenset[Exclusion], *, is_undescribed: bool = False
) -> Excluded | None:
    """Select what can meet a record of the table, the copies inside it included; None: nothing.

    table: name of a model or of a native list; or, is_undescribed, of a list of Kombo's that the catalogue
    lacks, whose records may carry copies of any record of its family.
    """
    return _excluded_from(table, every, is_undescribed) if every else None


@dataclass(frozen=True, slots=True, eq=False)
class Excluded:
    """Members to remove from the records of one table.

    exclusions: those that concern it by the catalogue, in order. paths: table -> members to remove from its
    records. inside: table -> the copies inside its records to look into, and the members of these that the
    catalogue describes. elsewhere: members to remove from objects that it does not describe.
    """

    table: str
    exclusions: tuple[Exclusion, ...]
    anywhere: tuple[Path, ...]
    paths: Mapping[str, tuple[Path, ...]]
    inside: Mapping[str, tuple[tuple[Embed, frozenset[str]], ...]]
    elsewhere: tuple[Path, ...] = ()

    def strip(self, record: Record) -> bool:
        """Remove the members from the record; says whether there were any. Raises RecursionError."""
        removed = self._strip(self.table, record, members().get(self.table, FREE) - FREE)
        if self.anywhere:
            removed |= _strip_anywhere(record, self.anywhere)
        return removed

    def hides(self, path: Path) -> bool:
        """True where no record keeps its value at this path."""
        return _hides(self, path)

    def _strip(self, table: str, record: Record, described: frozenset[str]) -> bool:
        removed = False
        for path in self.paths.get(table, ()):
            removed |= _remove(record, path)
        for embed, inside in self.inside.get(table, ()):
            for copy in entries(record, embed.path):
                removed |= self._strip(embed.table, copy, inside)
        if self.elsewhere:
            for name in record.keys() - described:
                removed |= _strip_anywhere(record[name], self.elsewhere)
        return removed


@cache
def _excluded_from(table: str, every: frozenset[Exclusion], is_undescribed: bool) -> Excluded | None:
    reached = _reached(table)
    concerning = tuple(sorted(each for each in every if each.table == ANYWHERE or each.table in reached))
    carries = is_undescribed or table in members()
    elsewhere = tuple(sorted({each.path for each in every if carries and _is_of_family(table, each)}))
    if not concerning and not elsewhere:
        return None
    named = {each.table for each in concerning}
    return Excluded(
        table,
        concerning,
        anywhere=tuple(each.path for each in concerning if each.table == ANYWHERE),
        paths={
            name: tuple(each.path for each in concerning if each.table == name) for name in named - {ANYWHERE}
        },
        inside={
            name: tuple(
                (embed, entry_members(name, embed.path) - FREE)
                for embed in _embeds(name)
                if elsewhere or _reached(embed.table) & named
            )
            for name in reached
        },
        elsewhere=elsewhere,
    )


def _is_of_family(table: str, exclusion: Exclusion) -> bool:
    """Tell whether records like those of the table can carry copies that the exclusion means."""
    return exclusion.table in members() and table.partition("_")[0] == exclusion.table.partition("_")[0]


@cache
def _reached(table: str) -> frozenset[str]:
    """List the table and all whose records can stand inside its records."""
    found = {table}
    waiting = [table]
    while waiting:
        new = {embed.table for embed in _embeds(waiting.pop())} - found
        found |= new
        waiting += new
    return frozenset(found)


def _embeds(table: str) -> tuple[Embed, ...]:
    """List the copies inside a record; nobody knows of any in one of a native list."""
    return embeds().get(table, ())


@cache
def _hides(excluded: Excluded, path: Path) -> bool:
    probe: Record = {}
    place = probe
    for member in path[:-1]:
        place[member] = place = {}
    place[path[-1]] = True
    excluded.strip(probe)
    return not any(path[-1] in entry for entry in entries(probe, path[:-1]))


def _remove(value: Any, path: Path) -> bool:
    """Remove the member at the end of the path; lists on the way are entered.

    A name may have dots itself: ``a.b`` is a member b inside of a, and a member of that name.
    """
    removed = False
    for entry in entries(value, ()):
        if len(path) == 1:
            removed |= entry.pop(path[0], _ABSENT) is not _ABSENT
            continue
        for name, rest in _first_members(path):
            if rest and name in entry:
                removed |= _remove(entry[name], rest)
            elif not rest:
                removed |= entry.pop(name, _ABSENT) is not _ABSENT
    return removed


def _first_members(path: Path) -> Iterator[tuple[str, Path]]:
    for length in range(1, len(path) + 1):
        yield ".".join(path[:length]), path[length:]


def _strip_anywhere(value: Any, paths: tuple[Path, ...]) -> bool:
    removed = False
    if isinstance(value, dict):
        for path in paths:
            removed |= _remove(value, path)
        value = value.values()
    elif not isinstance(value, list):
        return False
    for item in value:
        if isinstance(item, dict | list):
            removed |= _strip_anywhere(item, paths)
    return removed
