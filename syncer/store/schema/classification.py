"""Class of every column of the mirror, and with it what a role without sensitive columns may read."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from syncer.domain.catalogue import model as shape
from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.privacy import Privacy
from syncer.store.schema.mirror_tables import (
    CONTENT_HASH,
    DELETED_BY,
    DOCUMENT,
    FIRST_SEEN_AT,
    INTEGRATION_ID,
    KOMBO_ID,
    MIRROR,
    MIRRORED_AT,
)

#: Columns that are not the record's own. With the rest of a record at hand its hash would confirm a guess.
_OWN: dict[str, Privacy] = {
    KOMBO_ID[0]: Privacy.KEY,
    INTEGRATION_ID[0]: Privacy.KEY,
    "position": Privacy.KEY,
    FIRST_SEEN_AT[0]: Privacy.KEY,
    MIRRORED_AT[0]: Privacy.KEY,
    "changed_at": Privacy.PROCESS,
    "remote_deleted_at": Privacy.PROCESS,
    DELETED_BY[0]: Privacy.PROCESS,
    CONTENT_HASH[0]: Privacy.UNKNOWN,
    DOCUMENT[0]: Privacy.UNKNOWN,
}


@cache
def classes() -> dict[str, dict[str, Privacy]]:
    """Give the class of each column by mirror, link and child table, in the table's order.

    A column that nobody has classed is unknown, and withheld.
    """
    return {
        table: {column.name: known.get(column.name, Privacy.UNKNOWN) for column in MIRROR[table].columns}
        for table, known in _known()
    }


@cache
def parts() -> dict[str, dict[str, tuple[shape.Member, ...]]]:
    """Give by table the json columns that are shown in part, with the members that they may have."""
    return {
        table: {column.name: column.members for column in columns if column.is_shown_in_part}
        for table, columns in _columns()
    }


def granted_columns(table: str) -> list[str]:
    """List the columns that can be granted as they are, in the table's order."""
    return [name for name in safe_columns(table) if name not in parts()[table]]


def safe_columns(table: str) -> list[str]:
    """List the columns of the table's safe view, those with a part of their value among them."""
    return [name for name, privacy in classes()[table].items() if not privacy.is_sensitive]


def _known() -> Iterator[tuple[str, dict[str, Privacy]]]:
    own = {table: {column.name: column.privacy for column in columns} for table, columns in _columns()}
    for model in catalogue().values():
        yield model.name, {**_OWN, "remote_id": model.remote_id, **own[model.name]}
        for link in model.links:
            yield link.table, {link.owner: Privacy.KEY, link.target: Privacy.KEY, **own[link.table]}
        for child in model.children:
            owner = {} if child.owner is None else {child.owner: Privacy.KEY}
            yield child.table, {**_OWN, **owner, "remote_id": child.remote_id, **own[child.table]}


def _columns() -> Iterator[tuple[str, tuple[shape.Column, ...]]]:
    for model in catalogue().values():
        yield model.name, model.columns
        yield from ((link.table, link.columns) for link in model.links)
        yield from ((child.table, child.columns) for child in model.children)
