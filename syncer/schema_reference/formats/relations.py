"""Relations between tables, each with a name that no column of its table has.

The database has no foreign keys: what a record refers to may be filtered out or not yet read. So the row on
the other side of any relation may be missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from msgspec import Struct

from syncer.schema_reference.formats.names import singular, unused
from syncer.schema_reference.tables import Entry, Join, joins

#: one: this row has the id of the other; many: the others have this row's; linked: pairs of ids have both.
RelationKind = Literal["one", "many", "linked"]


class Link(Struct, frozen=True):
    """Table of the pairs of a linked relation, with the columns of this row's id and of the other's."""

    table: str
    own: str
    other: str


class Relation(Struct, frozen=True):
    """Relation of a table's rows as one of their members.

    column holds the id: of this table for ``one``, of the target for ``many``, and is empty for ``linked``.
    join is the same for both directions, and unique.
    """

    name: str
    kind: RelationKind
    target: str
    column: str
    join: str
    link: Link | None = None


def relations_of(entries: Iterable[Entry]) -> dict[str, list[Relation]]:
    """Find the relations among these tables, by table; views have none of their own."""
    tables = {entry.name: entry for entry in entries if entry.kind != "view"}
    found: dict[str, list[Relation]] = {name: [] for name in tables}
    taken = {name: {column.name for column in entry.columns} for name, entry in tables.items()}

    def add(table: str, names: Iterable[str], relation: Relation) -> None:
        name = unused(names, taken[table])
        taken[table].add(name)
        found[table].append(
            Relation(name, relation.kind, relation.target, relation.column, relation.join, relation.link)
        )

    known = [join for join in joins() if join.table in tables and join.target in tables]
    for join in known:
        base = join.column.removesuffix("_id")
        one = Relation("", "one", join.target, join.column, f"{join.table}_{join.column}")
        add(join.table, (base, f"{base}_row"), one)
    # Links first: they have the better right to a name such as `groups`.
    for table, relation, names in _linked(tables):
        add(table, names, relation)
    for join in known:
        many = Relation("", "many", join.table, join.column, f"{join.table}_{join.column}")
        add(join.target, _names_of_many(join, tables), many)
    return found


def _linked(tables: Mapping[str, Entry]) -> Iterator[tuple[str, Relation, tuple[str, ...]]]:
    """Iterate over the directions of each link table: table, relation without its name, names for it."""
    for entry in tables.values():
        if entry.kind != "link":
            continue
        owner, target = entry.key
        references = {column.name: column.references or "" for column in entry.columns}
        source, other = references[owner], references[target]
        if source not in tables or other not in tables:
            continue
        member = entry.name.removeprefix(f"{source}_")
        there = Relation("", "linked", other, "", entry.name, Link(entry.name, owner, target))
        yield source, there, (member, f"{singular(member)}_rows")
        back = Relation("", "linked", source, "", entry.name, Link(entry.name, target, owner))
        plural = _short(tables[source])
        yield other, back, (plural, f"{singular(plural)}_rows", f"{plural}_by_{member}")


def _names_of_many(join: Join, tables: Mapping[str, Entry]) -> tuple[str, ...]:
    plural, base = _short(tables[join.table]), join.column.removesuffix("_id")
    by = f"{plural}_by_{base}"
    is_plain = base == singular(_short(tables[join.target])) or tables[join.table].source == join.target
    alone = [each for each in joins() if (each.table, each.target) == (join.table, join.target)] == [join]
    if join.table != join.target and (is_plain or alone):
        return (plural, f"{singular(plural)}_rows", by)
    return (by, f"{by}_rows")


def _short(entry: Entry) -> str:
    """Name a table without its category."""
    return entry.name.removeprefix(f"{entry.category}_")
