"""Places of copies inside a record: where the catalogue knows records of other tables to stand. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct, field

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.members import embeds

#: Copies inside copies are followed so far down.
DEEPEST: Final = 3

#: A record that may stand inside another one: its table, and its id there.
RecordKey = tuple[str, str]


class CopyPlace(Struct, frozen=True):
    """A member whose value is a copy, or a list of copies, or leads to some.

    table: of the copied records; None where these are further inside. beside: members that the carrier says
    of an entry, and the copied record does not. inside: places that the carrier has inside its copy, beside
    those that the copied record has anyway.
    """

    table: str | None = None
    beside: frozenset[str] = frozenset()
    inside: Mapping[str, CopyPlace] = field(default_factory=dict)

    def places(self) -> Mapping[str, CopyPlace]:
        """List the places inside a value here."""
        return self.inside if self.table is None else {**copy_places(self.table), **self.inside}


@cache
def copy_places(table: str) -> Mapping[str, CopyPlace]:
    """List the places inside a record of the table, by member."""
    paths = {embed.path: embed.table for embed in embeds().get(table, ())}
    return {name: _place(table, paths, (name,)) for name in dict.fromkeys(path[0] for path in paths)}


def _place(table: str, paths: Mapping[tuple[str, ...], str], path: tuple[str, ...]) -> CopyPlace:
    depth = len(path)
    below = dict.fromkeys(each[depth] for each in paths if each[:depth] == path and len(each) > depth)
    model = catalogue().get(table)
    links = () if model is None else model.links
    beside = (column.source[0] for link in links if link.member == path for column in link.columns)
    inside = {name: _place(table, paths, (*path, name)) for name in below}
    return CopyPlace(paths.get(path), frozenset(beside), inside)


class CopyFinder(Struct, frozen=True):
    """Finder of the copies of some tables' records inside records of one table, by a partial decoding."""

    decoder: msgspec.json.Decoder[Any]
    steps: tuple[_Step, ...]

    def find(self, text: bytes, found: dict[str, set[str]]) -> None:
        """Add the ids of the records inside a record by table; none where its form is not the catalogue's."""
        try:
            head = self.decoder.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        _collect(head, self.steps, found)


class _Step(NamedTuple):
    name: str
    table: str | None
    steps: tuple[_Step, ...]


@lru_cache(maxsize=256)
def copy_finder(table: str, wanted: frozenset[str]) -> CopyFinder | None:
    """Make the finder of the wanted tables' records inside those of a table; None: there can be none."""
    head, steps = _head(copy_places(table), wanted, DEEPEST)
    return CopyFinder(msgspec.json.Decoder(head), steps) if steps else None


def copied_tables(table: str) -> frozenset[str]:
    """List the tables whose records can stand inside those of a table."""
    return frozenset(_tables(copy_places(table), DEEPEST))


def _tables(places: Mapping[str, CopyPlace], depth: int) -> Iterator[str]:
    for place in places.values() if depth else ():
        if place.table is not None:
            yield place.table
        yield from _tables(place.places(), depth - 1)


def _head(
    places: Mapping[str, CopyPlace], wanted: Collection[str], depth: int
) -> tuple[type[msgspec.Struct], tuple[_Step, ...]]:
    """Make the type that has only what leads to the copies, and the steps to them."""
    # Members are given names of our own: theirs need not be names of attributes.
    fields: list[tuple[str, Any, Any]] = [("id", str | None, None)]
    encoded, steps = {"id": "id"}, list[_Step]()
    for name, place in places.items() if depth else ():
        head, inside = _head(place.places(), wanted, depth - 1)
        table = place.table if place.table in wanted else None
        if table is not None or inside:
            attribute = f"at_{len(steps)}"
            encoded[attribute] = name
            fields.append((attribute, list[head | None] | head | None, None))  # type: ignore[valid-type]
            steps.append(_Step(attribute, table, inside))
    return msgspec.defstruct("Head", fields, rename=encoded, gc=False), tuple(steps)


def _collect(head: Any, steps: tuple[_Step, ...], found: dict[str, set[str]]) -> None:
    for name, table, inside in steps:
        value = getattr(head, name)
        if value is None:
            continue
        copies = value if type(value) is list else (value,)
        if table is not None:
            found[table].update([copy.id for copy in copies if copy is not None and copy.id is not None])
        if inside:
            for copy in copies:
                if copy is not None:
                    _collect(copy, inside, found)
