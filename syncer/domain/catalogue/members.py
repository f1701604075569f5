"""Members of records by table, and the copies of other records inside them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.model import Child, Embed, Model

#: Members by which the mirror keeps its rows.
KEPT = frozenset({"id", "changed_at", "remote_deleted_at"})
#: Members whose inside is the tool's or the customer's own, or copied without ids: it may be of anything.
FREE = frozenset({"custom_fields", "integration_fields", "remote_data", "screening_question_answers"})


@cache
def members() -> dict[str, frozenset[str]]:
    """List by table the members that the catalogue knows in a record; tables of models and of children."""
    known: dict[str, frozenset[str]] = {}
    for model in catalogue().values():
        known[model.name] = KEPT.union(
            ["remote_id"] if model.has_remote_id else [],
            (column.source[0] for column in model.columns),
            (link.member[0] for link in model.links),
            (child.member[0] for child in model.children),
        )
        for child in model.children:
            known[child.table] = frozenset(
                {
                    "id",
                    "remote_id",
                    *(column.source[0] for column in child.columns),
                    *(path[0] for _, path in _below(model, child)),
                    # What an entry says of its place in the parent's list.
                    *(
                        column.source[0]
                        for link in model.links
                        if link.member == child.member
                        for column in link.columns
                    ),
                }
            )
    return known


@cache
def all_members() -> frozenset[str]:
    """List every member that some record, or an entry of a list inside one, has."""
    in_entries = (
        column.source[0] for model in catalogue().values() for link in model.links for column in link.columns
    )
    return frozenset().union(*members().values(), in_entries)


@cache
def embeds() -> dict[str, tuple[Embed, ...]]:
    """List by table the copies of other tables' records inside a record, with their paths from it."""
    found: dict[str, tuple[Embed, ...]] = {}
    for model in catalogue().values():
        found[model.name] = tuple(
            dict.fromkeys(
                (
                    *(
                        Embed(embed.table, column.source + embed.path)
                        for column in model.columns
                        for embed in column.embeds
                    ),
                    *(Embed(child.table, child.member) for child in model.children),
                )
            )
        )
        for child in model.children:
            found[child.table] = (
                *(
                    Embed(embed.table, column.source + embed.path)
                    for column in child.columns
                    for embed in column.embeds
                ),
                *(Embed(inner.table, path) for inner, path in _below(model, child)),
            )
    return found


@cache
def entry_members(table: str, path: tuple[str, ...]) -> frozenset[str]:
    """List the members that the catalogue knows in the copies at this path of the table's records.

    That is those of the copied record, and what the carrier says of it beside them.
    """
    depth = len(path)
    copied = (members()[embed.table] for embed in embeds()[table] if embed.path == path)
    beside = (
        embed.path[depth]
        for embed in embeds()[table]
        if embed.path[:depth] == path and len(embed.path) > depth
    )
    model = catalogue().get(table)
    in_links = (
        name
        for link in (model.links if model is not None else ())
        if link.member == path
        for name in (link.target_path[0], *(column.source[0] for column in link.columns))
    )
    return frozenset().union(*copied, beside, in_links)


def tables_at(table: str, path: tuple[str, ...]) -> set[str]:
    """Find the tables whose records stand at this path of the table's records; none where none do."""
    if not path:
        return {table}
    return {
        found
        for embed in embeds()[table]
        if path[: len(embed.path)] == embed.path
        for found in tables_at(embed.table, path[len(embed.path) :])
    }


def entries(value: Any, path: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Iterate over the objects at the end of the path; lists on the way and at the end are entered."""
    if isinstance(value, list):
        for item in value:
            yield from entries(item, path)
    elif isinstance(value, dict):
        if path:
            yield from entries(value.get(path[0]), path[1:])
        else:
            yield value


def _below(model: Model, child: Child) -> Iterator[tuple[Child, tuple[str, ...]]]:
    """Iterate over the children inside the child's records, with their paths from there."""
    depth = len(child.member)
    for inner in model.children:
        if inner.member[:depth] == child.member and len(inner.member) > depth:
            yield inner, inner.member[depth:]
