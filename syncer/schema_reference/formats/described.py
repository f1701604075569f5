"""Description of what typed models are made for: tables and views with class names and relations."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from syncer import __version__
from syncer.schema_reference.formats.names import class_names
from syncer.schema_reference.formats.relations import Relation, relations_of
from syncer.schema_reference.tables import ColumnEntry, Entry
from syncer.store.schema.mirror_tables import CONTENT_HASH
from syncer.store.schema.native_table import passthrough_records


class Described(Struct, frozen=True):
    """Table or view with the name of its class.

    base: of a view of a table's live rows, that table. columns are all but the hash of the record, which
    concerns nobody else. key: what tells its rows apart.
    """

    entry: Entry
    class_name: str
    columns: tuple[ColumnEntry, ...]
    relations: tuple[Relation, ...] = ()
    base: Described | None = None

    @property
    def name(self) -> str:
        return self.entry.name

    @property
    def is_view(self) -> bool:
        return self.entry.kind == "view"

    @property
    def is_native(self) -> bool:
        """Tell whether it shows the records of a native list."""
        return self.entry.source == passthrough_records.name

    @property
    def key(self) -> tuple[str, ...]:
        return self.entry.key


def described(entries: Iterable[Entry]) -> dict[str, Described]:
    """Describe these tables and views, by name in their order, each table before its view."""
    given = {entry.name: entry for entry in entries}
    classes, relations = class_names(given), relations_of(given.values())
    found: dict[str, Described] = {}
    for name, entry in given.items():
        columns = tuple(column for column in entry.columns if column.name != CONTENT_HASH[0])
        found[name] = Described(entry, classes[name], columns, tuple(relations.get(name, ())))
    return {
        name: replace(each, base=found[each.entry.source], relations=_live(found[each.entry.source], found))
        if each.is_view and each.entry.source in found and name == f"{each.entry.source}_live"
        else each
        for name, each in found.items()
    }


def referenced_ids(tables: Iterable[Described]) -> set[str]:
    """Name the tables to whose ``id`` others refer."""
    return {
        relation.target
        for each in tables
        for relation in each.relations
        if relation.kind in ("one", "linked") and not each.is_view
    }


def heading(form: str, arguments: str = "") -> list[str]:
    """List the lines that stand above a file, without the marks of a comment."""
    return [
        f"Tables of the mirror as syncer {__version__} makes them, for programs that read them.",
        f"Made by `syncer schema --format {form}{arguments}`; make it anew after an upgrade.",
    ]


def folded(text: str, width: int) -> list[str]:
    """Fold a meaning into lines of that width; words that are longer stay whole."""
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]


def meaning_of(column: ColumnEntry) -> str:
    """Tell what a column means, and what it is an id of."""
    place = f"id in {column.references}"
    return (
        f"{column.meaning} ({place})" if column.references and place not in column.meaning else column.meaning
    )


def _live(base: Described, found: dict[str, Described]) -> tuple[Relation, ...]:
    """Give the relations of a table's live rows: they lead to live rows where there is such a view."""
    return tuple(
        replace(each, target=f"{each.target}_live") if f"{each.target}_live" in found else each
        for each in base.relations
    )
