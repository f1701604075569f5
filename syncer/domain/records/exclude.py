"""Members that never enter the mirror: what the configuration names, and how it leaves the records.

An exclusion is written ``MODEL.MEMBER`` or, for a member inside a member, ``MODEL.MEMBER.MEMBER``; the model
part is a glob and also names tables of children. It holds for the model's own records and for the copies of
them inside other records, as far as the catalogue knows these (``Column.embeds``, ``Child``). ``*`` as model
part holds for every object at any depth of every record.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.members import KEPT, all_members, embeds, entries, members, tables_at
from syncer.domain.catalogue.model import Column, Embed
from syncer.domain.errors import UsageError
from syncer.domain.suggestions import did_you_mean

ANYWHERE = "*"

Path = tuple[str, ...]
Record = dict[str, Any]


@dataclass(frozen=True, slots=True, order=True)
class Exclusion:
    """A member of the records of one table, or (table ``*``) of whatever object has it."""

    table: str
    path: Path

    def __str__(self) -> str:
        return ".".join((self.table, *self.path))

    @classmethod
    def read(cls, text: str) -> Exclusion:
        """Parse the exclusion that was shown as this text."""
        table, *path = text.split(".")
        return cls(table, tuple(path))

    def covers(self, other: Exclusion) -> bool:
        """True where nothing that the other removes would stay under this one."""
        return self.table in {ANYWHERE, other.table} and other.path[: len(self.path)] == self.path


def exclusions(patterns: Iterable[str]) -> frozenset[Exclusion]:
    """Resolve patterns to exclusions, one for each table. Raises UsageError for one that names nothing."""
    return frozenset(each for pattern in patterns for each in _named(pattern))


def excluded_from(table: str, every: frozenset[Exclusion]) -> Excluded | None:
    """Select what can meet a record of the table, the copies inside it included; None: nothing."""
    return _excluded_from(table, every) if every else None


@dataclass(frozen=True, slots=True, eq=False)
class Excluded:
    """Members to remove from the records of one table.

    exclusions: those that concern it, in order. paths: table -> members to remove from its records. inside:
    table -> the copies inside its records that may hold something to remove.
    """

    table: str
    exclusions: tuple[Exclusion, ...]
    anywhere: tuple[Path, ...]
    paths: Mapping[str, tuple[Path, ...]]
    inside: Mapping[str, tuple[Embed, ...]]

    def strip(self, record: Record) -> bool:
        """Remove the members from the record; says whether there were any. Raises RecursionError."""
        removed = self._strip(self.table, record)
        if self.anywhere:
            removed |= _strip_anywhere(record, self.anywhere)
        return removed

    def hides(self, path: Path) -> bool:
        """True where no record keeps its value at this path."""
        return _hides(self, path)

    def _strip(self, table: str, record: Record) -> bool:
        removed = False
        for path in self.paths.get(table, ()):
            removed |= _remove(record, path)
        for embed in self.inside.get(table, ()):
            for copy in entries(record, embed.path):
                removed |= self._strip(embed.table, copy)
        return removed


@cache
def _excluded_from(table: str, every: frozenset[Exclusion]) -> Excluded | None:
    reached = _reached(table)
    concerning = tuple(sorted(each for each in every if each.table == ANYWHERE or each.table in reached))
    if not concerning:
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
            name: tuple(embed for embed in embeds()[name] if _reached(embed.table) & named)
            for name in reached
        },
    )


@cache
def _reached(table: str) -> frozenset[str]:
    """List the table and all whose records can stand inside its records."""
    found = {table}
    waiting = [table]
    while waiting:
        new = {embed.table for embed in embeds()[waiting.pop()]} - found
        found |= new
        waiting += new
    return frozenset(found)


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
    """Remove the member at the end of the path; lists on the way are entered."""
    removed = False
    for entry in entries(value, path[:-1]):
        if path[-1] in entry:
            del entry[path[-1]]
            removed = True
    return removed


def _strip_anywhere(value: Any, paths: tuple[Path, ...]) -> bool:
    removed = False
    if isinstance(value, dict):
        for path in paths:
            removed |= _remove(value, path)
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            removed |= _strip_anywhere(item, paths)
    return removed


def _named(pattern: str) -> tuple[Exclusion, ...]:
    glob, *rest = pattern.split(".")
    path = tuple(rest)
    if not all((glob, *path)) or not path:
        raise UsageError(
            f"An exclusion is MODEL.MEMBER, such as hris_employees.ssn or *.remote_data, not {pattern!r}."
        )
    tables = [table for table in members() if fnmatchcase(table, glob)]
    if not tables:
        raise UsageError(f"There is no model {glob!r}.{did_you_mean(glob, members())}")
    if any(path[-1] in KEPT and tables_at(table, path[:-1]) for table in tables):
        raise UsageError(f"The mirror keeps its rows by {path[-1]}: {pattern!r} cannot be excluded.")
    if not glob.strip("*") and path[0] in all_members():
        return (Exclusion(ANYWHERE, path),)
    having = [table for table in tables if _has(table, path)]
    if not having:
        raise UsageError(_no_member(pattern, glob, tables, path))
    return tuple(Exclusion(table, path) for table in having)


def _has(table: str, path: Path) -> bool:
    """True where the table's records can have this member; below a json column everything is possible."""
    if path[0] not in members()[table]:
        return False
    is_scalar = any(column.source == path[:1] and column.type != "json" for column in _columns(table))
    return len(path) == 1 or not is_scalar


def _no_member(pattern: str, glob: str, tables: list[str], path: Path) -> str:
    for table in tables:
        for column in _columns(table):
            if column.name == path[0] != column.source[0]:
                # An id goes with the copy that it is the id of.
                source = column.source[:-1] if column.source[-1] in KEPT else column.source
                return (
                    f"There is no member {column.name!r} in {table}: the column is taken from "
                    f"{'.'.join(column.source)}; exclude {table}.{'.'.join(source)}."
                )
    if any(path[0] in members()[table] for table in tables):
        return f"There is nothing inside {path[0]} that {pattern!r} could exclude."
    known = sorted({member for table in tables for member in members()[table]} - KEPT)
    whose = glob if glob in members() else f"any model of {glob!r}"
    return f"There is no member {path[0]!r} in {whose}.{did_you_mean(path[0], known)}"


def _columns(table: str) -> tuple[Column, ...]:
    for model in catalogue().values():
        if model.name == table:
            return model.columns
        for child in model.children:
            if child.table == table:
                return child.columns
    return ()
