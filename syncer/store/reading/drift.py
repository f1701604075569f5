"""Schema drift: members of stored documents that the catalogue does not know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, FromClause, func, select

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.members import members
from syncer.store.schema.mirror_tables import MIRROR

#: Documents of one table that are read; its ids are random, and so are the first ones by id. What Kombo adds
#: is in most of them, and to look at tens of thousands in each table takes long.
SAMPLE_ROWS = 500


class Drift(Struct, frozen=True):
    """Unknown members of one table's documents, each with the number of documents that have it.

    looked_at: the documents that were read, which are all of the table's unless is_sample.
    """

    table: str
    unknown: dict[str, int]
    looked_at: int
    is_sample: bool


def drift(connection: Connection, look_at: int = SAMPLE_ROWS) -> Iterator[Drift]:
    """Find the drift of each table with documents, in catalogue order; tables without rows are left out."""
    for name, known in _documented():
        table = MIRROR[name]
        here = select(table.c.id).limit(look_at + 1).subquery()
        rows = connection.execute(select(func.count()).select_from(here)).scalar_one()
        if not rows:
            continue
        looked_at = min(rows, look_at)
        documents = select(table.c.document).order_by(table.c.id).limit(looked_at).subquery()
        key, keys = _keys(connection, documents.c.document)
        found = connection.execute(
            select(key, func.count())
            .select_from(documents, keys)
            .where(key.not_in(sorted(known)))
            .group_by(key)
            .order_by(func.count().desc(), key)
        )
        yield Drift(name, {row[0]: row[1] for row in found}, looked_at, rows > look_at)


def _documented() -> Iterator[tuple[str, frozenset[str]]]:
    """Give the tables with documents, and the known members of these."""
    for model in catalogue().values():
        yield model.name, members()[model.name] | {"remote_id"}
        for child in model.children:
            yield child.table, members()[child.table] | ({child.owner} if child.owner else set())


def _keys(connection: Connection, document: ColumnElement[Any]) -> tuple[ColumnElement[str], FromClause]:
    """Give the column with the names of a document's members, and what to select it from."""
    if connection.dialect.name == "sqlite":
        members_of = func.json_each(document).table_valued("key", joins_implicitly=True)
        return members_of.c.key, members_of
    name = func.jsonb_object_keys(document).column_valued("key", joins_implicitly=True)
    return name, name.scalar_alias
