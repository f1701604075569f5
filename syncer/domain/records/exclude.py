"""Removal of excluded members from records, wherever in them the catalogue or a name tells that they stand.

An exclusion with pseudonyms leaves the member where it is, and replaces its value.

An exclusion holds for the list's own records and for the copies of them inside other records, as far as the
catalogue knows these (``Column.embeds``, ``Child``). In what it does not describe, members that are new to it
and those of the tool or the customer (``FREE``), nobody can tell whose copy an object is: there every object
loses what is excluded of any model of the family. An exclusion of ``*`` holds at any depth of every record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, partial
from typing import Any, NamedTuple

from msgspec import Struct

from syncer.domain.catalogue.members import FREE, embeds, entries, entry_members, members
from syncer.domain.catalogue.model import Embed
from syncer.domain.records.exclusions import ANYWHERE, Exclusion, Path
from syncer.domain.records.pseudonyms import Pseudonyms

Record = dict[str, Any]

_ABSENT = object()

#: Takes out of an object the value of the member of this name; says whether it was there.
_Take = Callable[[Record, str], bool]


class Target(NamedTuple):
    """Member that records lose: pseudonyms replace its value; None: it is removed."""

    path: Path
    pseudonyms: Pseudonyms | None

    @property
    def is_replaced(self) -> bool:
        """True where the member stays, with pseudonyms as its values."""
        return self.pseudonyms is not None


def excluded_from(
    table: str, every: frozenset[Exclusion], *, is_undescribed: bool = False
) -> Excluded | None:
    """Select what can meet a record of the table, the copies inside it included; None: nothing.

    table: name of a model or of a native list; or, is_undescribed, of a list of Kombo's that the catalogue
    lacks, whose records may carry copies of any record of its family. The record is one as it comes from
    Kombo or a tool.
    """
    return _excluded_from(table, every, is_undescribed, is_stored=False) if every else None


def excluded_from_stored(
    table: str, every: frozenset[Exclusion], *, is_undescribed: bool = False
) -> Excluded | None:
    """Select as ``excluded_from`` what can meet a record that is stored, by whichever exclusions that was.

    Pseudonyms in it may be those of another key: these become null.
    """
    return _excluded_from(table, every, is_undescribed, is_stored=True) if every else None


class Excluded(Struct, frozen=True, eq=False):
    """Members that the records of one table lose.

    exclusions: those that concern it by the catalogue, in order. paths: table -> targets in its records.
    inside: table -> the copies inside its records to look into, and the members of these that the catalogue
    describes. elsewhere: targets in objects that it does not describe. is_stored: the records are
    stored ones.
    """

    table: str
    exclusions: tuple[Exclusion, ...]
    anywhere: tuple[Target, ...]
    paths: Mapping[str, tuple[Target, ...]]
    inside: Mapping[str, tuple[tuple[Embed, frozenset[str]], ...]]
    elsewhere: tuple[Target, ...] = ()
    is_stored: bool = False

    def strip(self, record: Record) -> bool:
        """Take the members' values out of the record; says whether that changed it. Raises RecursionError."""
        removed = self._strip(self.table, record, members().get(self.table, FREE) - FREE)
        if self.anywhere:
            removed |= self._strip_anywhere(record, self.anywhere)
        return removed

    def hides(self, path: Path) -> bool:
        """True where no record keeps its value at this path."""
        return _hides(self, path)

    @property
    def pseudonyms(self) -> Pseudonyms | None:
        """Pseudonyms that replace some of the members; None: all are removed."""
        described = [each.pseudonyms for each in self.exclusions]
        every = [*described, *(target.pseudonyms for target in self.elsewhere)]
        return next((each for each in every if each is not None), None)

    def left_of(self, path: Path, value: Any) -> Any:
        """Give what a record with this value at the path keeps there: a pseudonym, or null for nothing."""
        probe: Record = {}
        place = probe
        for member in path[:-1]:
            place[member] = place = {}
        place[path[-1]] = value
        self.strip(probe)
        return next((entry.get(path[-1]) for entry in entries(probe, path[:-1])), None)

    def _strip(self, table: str, record: Record, described: frozenset[str]) -> bool:
        removed = False
        for target in self.paths.get(table, ()):
            removed |= _act(record, target.path, self._take(target))
        for embed, inside in self.inside.get(table, ()):
            for copy in entries(record, embed.path):
                removed |= self._strip(embed.table, copy, inside)
        if self.elsewhere:
            for name in record.keys() - described:
                removed |= self._strip_anywhere(record[name], self.elsewhere)
        return removed

    def _strip_anywhere(self, value: Any, targets: tuple[Target, ...]) -> bool:
        removed = False
        if isinstance(value, dict):
            for target in targets:
                removed |= _act(value, target.path, self._take(target))
            value = value.values()
        elif not isinstance(value, list):
            return False
        for item in value:
            if isinstance(item, dict | list):
                removed |= self._strip_anywhere(item, targets)
        return removed

    def _take(self, target: Target) -> _Take:
        if target.pseudonyms is None:
            return _remove
        return partial(_replace, target.pseudonyms.renew if self.is_stored else target.pseudonyms.replace)


@cache
def _excluded_from(
    table: str, every: frozenset[Exclusion], is_undescribed: bool, *, is_stored: bool
) -> Excluded | None:
    reached = _reached(table)
    concerning = sorted(
        (each for each in every if each.table == ANYWHERE or each.table in reached), key=_in_order
    )
    carries = is_undescribed or table in members()
    elsewhere = sorted((each for each in every if carries and _is_of_family(table, each)), key=_in_order)
    if not concerning and not elsewhere:
        return None
    named = {each.table for each in concerning}
    return Excluded(
        table,
        tuple(concerning),
        anywhere=_targets(each for each in concerning if each.table == ANYWHERE),
        paths={
            name: _targets(each for each in concerning if each.table == name) for name in named - {ANYWHERE}
        },
        inside={
            name: tuple(
                (embed, entry_members(name, embed.path) - FREE)
                for embed in _embeds(name)
                if elsewhere or _reached(embed.table) & named
            )
            for name in reached
        },
        elsewhere=tuple(sorted(_targets(elsewhere), key=lambda target: target.path)),
        is_stored=is_stored,
    )


def _in_order(exclusion: Exclusion) -> tuple[str, Path]:
    return exclusion.table, exclusion.path


def _targets(exclusions: Iterable[Exclusion]) -> tuple[Target, ...]:
    return tuple(dict.fromkeys(Target(each.path, each.pseudonyms) for each in exclusions))


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
    return excluded.left_of(path, True) is not True


def _act(value: Any, path: Path, take: _Take) -> bool:
    """Take out the member at the end of the path; lists on the way are entered.

    A name may have dots itself: ``a.b`` is a member b inside of a, and a member of that name.
    """
    removed = False
    for entry in entries(value, ()):
        if len(path) == 1:
            removed |= take(entry, path[0])
            continue
        for name, rest in _first_members(path):
            if rest and name in entry:
                removed |= _act(entry[name], rest, take)
            elif not rest:
                removed |= take(entry, name)
    return removed


def _remove(entry: Record, name: str) -> bool:
    return entry.pop(name, _ABSENT) is not _ABSENT


def _replace(pseudonym: Callable[[Any], Any], entry: Record, name: str) -> bool:
    value = entry.get(name)
    replaced = pseudonym(value)
    if replaced == value:
        return False
    entry[name] = replaced
    return True


def _first_members(path: Path) -> Iterator[tuple[str, Path]]:
    for length in range(1, len(path) + 1):
        yield ".".join(path[:length]), path[length:]
