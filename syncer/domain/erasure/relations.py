"""References between records, by the table of the one that refers. Pure data, out of the catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache

from msgspec import Struct

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.model import Column, Link, RemoteOwner


class Reference(Struct, frozen=True):
    """Value of a record that is the id of a record in another table; path leads to it.

    is_owner: the record is about that one, and erased with it.
    """

    column: str
    path: tuple[str, ...]
    table: str
    is_owner: bool


@cache
def references() -> Mapping[str, tuple[Reference, ...]]:
    """List the references in the records of each table, of models and of children."""
    found: dict[str, tuple[Reference, ...]] = {}
    for model in catalogue().values():
        found[model.name] = tuple(_references(model.columns))
        for child in model.children:
            found[child.table] = tuple(_references(child.columns))
    return found


@cache
def links() -> Mapping[str, tuple[Link, ...]]:
    """List the lists of other records in the records of each model."""
    return {model.name: model.links for model in catalogue().values()}


@cache
def remote_owners() -> Mapping[str, tuple[RemoteOwner, ...]]:
    """List whom the records of a model are about by the tool's ids; of most there is none."""
    return {model.name: model.remote_owners for model in catalogue().values() if model.remote_owners}


def owned_tables(table: str) -> set[str]:
    """Name the tables whose records can be erased with one of this table, at any depth; itself first."""
    found, waiting = {table}, [table]
    while waiting:
        owner = waiting.pop()
        new = {
            name
            for name, each in references().items()
            if any(reference.is_owner and reference.table == owner for reference in each)
        }
        new |= {name for name, each in remote_owners().items() if any(o.table == owner for o in each)}
        waiting += new - found
        found |= new
    return found


def _references(columns: Iterable[Column]) -> Iterator[Reference]:
    for column in columns:
        if column.references is not None:
            yield Reference(column.name, column.source, column.references, column.is_owner)
