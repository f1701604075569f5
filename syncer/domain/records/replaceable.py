"""Members whose values can be replaced by pseudonyms: texts, as far as the catalogue knows. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.members import embeds, members, tables_at
from syncer.domain.catalogue.model import Column, Link
from syncer.domain.catalogue.privacy import Privacy

Path = tuple[str, ...]

#: Ids wherever they stand: Kombo's, and those of the connected tool.
_IDS = frozenset({"id", "remote_id"})
_AN_ID = "is an id, by which records are found and joined"
#: What a type is called, with its article.
_KINDS = {
    "boolean": "is true or false",
    "integer": "is a number",
    "number": "is a number",
    "date": "is a date",
    "time": "is a time",
    "timestamp": "is a time",
}


def why_not_replaceable(table: str, path: Path) -> str | None:
    """Say why the values at this path of the table's records cannot be replaced; None: they can.

    What nobody describes can; so can what the table does not have.
    """
    name = ".".join((table, *path))
    if path[-1] in _IDS:
        return f"{name} {_AN_ID}. Exclude it instead."
    found = list(_columns_at(table, path))
    for column in found:
        if column.references is not None or column.privacy is Privacy.KEY:
            return f"{name} {_AN_ID}."
        if column.type in _KINDS:
            return f"{name} {_KINDS[column.type]}, and only texts can be. Exclude it instead."
        if column.type == "json":
            return _is_no_text(name)
    if not found and path[0] in members()[table] and not _is_inside_json(table, path):
        return _is_no_text(name)
    return None


def why_not_replaceable_anywhere(path: Path) -> str | None:
    """Say the same of the values at this path of every record, and of every entry of a list inside one."""
    of_records = (why_not_replaceable(table, path) for table in members() if path[0] in members()[table])
    of_entries = (
        why_not_replaceable(model.name, (*link.member, *path))
        for model in catalogue().values()
        for link in model.links
        if any(column.source == path for column in link.columns)
    )
    return next((each for each in (*of_records, *of_entries) if each is not None), None)


def _is_no_text(name: str) -> str:
    return f"{name} is an object or a list. Name a text inside it, {name}.MEMBER, or exclude it."


def _columns_at(table: str, path: Path) -> Iterator[Column]:
    """Iterate over the columns that are read at this path: the table's own, and those of copies in it."""
    for base, column in _columns(table):
        if (*base, *column.source) == path:
            yield column
    for length in range(1, len(path)):
        if any(embed.path == path[:length] for embed in embeds()[table]):
            for copied in tables_at(table, path[:length]):
                yield from _columns_at(copied, path[length:])


def _is_inside_json(table: str, path: Path) -> bool:
    return any(
        column.type == "json" and not base and path[: len(column.source)] == column.source
        for base, column in _columns(table)
    )


@cache
def _columns(table: str) -> tuple[tuple[Path, Column], ...]:
    """List the columns of a table, and of links out of its records, with the path that they start at."""
    for model in catalogue().values():
        if model.name == table:
            links = ((link.member, column) for link in model.links for column in link.columns)
            return (*(((), column) for column in model.columns), *links)
        for child in model.children:
            if child.table == table:
                beside = (
                    column for link in model.links if _carries(link, child.member) for column in link.columns
                )
                return (*(((), column) for column in child.columns), *(((), column) for column in beside))
    return ()


def _carries(link: Link, member: Path) -> bool:
    """Tell whether entries of a link are the child's records, which say of themselves what the link says."""
    return link.member == member
