"""Members that the keys of a native list's rows are made of, and what of it an exclusion forbids. Pure.

A key, the value that a list was asked with, and the position of an unfinished walk are kept as they are: what
is taken out of the records would stay in them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Self

from msgspec import Struct

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.tables import table_models
from syncer.domain.native.read_members import overlap, overlaps_anywhere, read_members
from syncer.domain.native.spec import ForEach, NativeListSpec
from syncer.domain.records.exclude import excluded_from
from syncer.domain.records.exclusions import ANYWHERE, Exclusion, Path


class KeyMember(Struct, frozen=True, order=True):
    """Member of the records of a list, a model or a native one."""

    list: str
    path: Path

    def __str__(self) -> str:
        return ".".join((self.list, *self.path))

    @classmethod
    def read(cls, text: str) -> Self:
        """Parse the member that was written as this text."""
        name, *path = text.split(".")
        return cls(name, tuple(path))

    def excluded_by(self, exclusions: Iterable[Exclusion]) -> Exclusion | None:
        """Find an exclusion that means the member, or some of it."""
        return next((each for each in sorted(exclusions, key=str) if self._is_meant(each)), None)

    def _is_meant(self, exclusion: Exclusion) -> bool:
        if self.list in catalogue():
            excluded = excluded_from(self.list, frozenset({exclusion}))
            return excluded is not None and excluded.hides(self.path)
        if exclusion.table == ANYWHERE:
            return overlaps_anywhere(self.path, exclusion.path)
        return exclusion.table == self.list and overlap(self.path, exclusion.path)


def parent_member(each: ForEach) -> KeyMember:
    """Give the member that the list is asked for each value of."""
    table = each.table.removesuffix("_live")
    model = catalogue()[table_models()[table]]
    if table == model.name:
        inside: Path = ()
        columns = model.columns
    else:
        child = next(child for child in model.children if child.table == table)
        inside, columns = child.member, child.columns
        if each.column == child.owner:
            return KeyMember(model.name, ("id",))
    sources = {column.name: column.source for column in columns}
    return KeyMember(model.name, (*inside, *sources.get(each.column, (each.column,))))


def key_members(spec: NativeListSpec) -> frozenset[KeyMember]:
    """List the members that keys, parents and positions of the list are made of."""
    each = spec.for_each
    found = set() if each is None else {parent_member(each)}
    row = None if each is None else each.key_part
    found |= {KeyMember(spec.name, path) for part in spec.key if part != row for path in read_members(part)}
    return frozenset(found.union(KeyMember(spec.name, path) for path in _of_positions(spec)))


def _of_positions(spec: NativeListSpec) -> Iterator[Path]:
    """List what of a record may be in a position that the paging style reads in the answer."""
    following = spec.page.position_path
    for records in read_members(spec.records) if following is not None else ():
        for path in read_members(following or ""):
            if len(path) > len(records) and overlap(records, path):
                yield path[len(records) :]
