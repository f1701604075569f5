"""Relations between tables whose records carry copies of each other, as columns of the mirror. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from msgspec import Struct

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.members import embeds
from syncer.domain.catalogue.model import Column


class Relation(Struct, frozen=True):
    """Table with a column of carriers' ids, and one of the ids of the records that they carry."""

    table: str
    carrier: str
    carried: str


@cache
def relations(carrier: str, carried: str) -> tuple[Relation, ...]:
    """List the relations between two tables; some may be of ids that no copy goes with."""
    return tuple(dict.fromkeys(_relations(carrier, carried)))


@cache
def carried_tables(table: str) -> tuple[str, ...]:
    """List the tables whose records stand inside those of a table, without going through other records."""
    return tuple(dict.fromkeys(embed.table for embed in embeds().get(table, ())))


@cache
def owners() -> Mapping[str, tuple[str, Relation]]:
    """List the tables of children that are written with their owners: the owners' table, and the relation."""
    return {
        child.table: (model.name, Relation(child.table, "id", child.owner))
        for model in catalogue().values()
        for child in model.children
        if child.owner is not None
    }


def _relations(carrier: str, carried: str) -> Iterator[Relation]:
    for name in _references(_columns(carrier), carried):
        yield Relation(carrier, "id", name)
    if carried != carrier:
        for name in _references(_columns(carried), carrier):
            yield Relation(carried, name, "id")
    model = catalogue().get(carrier)
    if model is None:
        return
    for link in model.links:
        if link.references == carried:
            yield Relation(link.table, link.owner, link.target)
        for name in _references(link.columns, carried):
            yield Relation(link.table, link.owner, name)
    for child in model.children:
        if child.owner is None:
            continue
        if child.table == carried:
            yield Relation(child.table, child.owner, "id")
        for name in _references(child.columns, carried):
            yield Relation(child.table, child.owner, name)


def _columns(table: str) -> tuple[Column, ...]:
    return _all_columns()[table]


@cache
def _all_columns() -> Mapping[str, tuple[Column, ...]]:
    """List the columns of models and of children by table."""
    models = {model.name: model.columns for model in catalogue().values()}
    return models | {child.table: child.columns for model in catalogue().values() for child in model.children}


def _references(columns: tuple[Column, ...], table: str) -> Iterator[str]:
    return (column.name for column in columns if column.references == table)
