"""Members that documents have and the catalogue does not know: what Kombo has begun to send."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, func, select

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.members import members
from syncer.store.schema.mirror_tables import MIRROR

#: Documents of one table that are looked at; its ids are random, and so are the first ones by id.
LOOK_AT = 50_000


@dataclass(frozen=True, slots=True)
class Drift:
    """What one table's documents have without a column. unknown: member -> how many documents have it.

    looked_at: the documents looked at, which are all of the table's unless is_sample.
    """

    table: str
    unknown: dict[str, int]
    looked_at: int
    is_sample: bool


def drift(connection: Connection, look_at: int = LOOK_AT) -> Iterator[Drift]:
    """One for each table with documents, in catalogue order; tables without rows are left out."""
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
    """Tables with documents, and the members that are known in these."""
    for model in catalogue().values():
        yield model.name, members()[model.name] | {"remote_id"}
        for child in model.children:
            yield child.table, members()[child.table] | ({child.owner} if child.owner else set())


def _keys(connection: Connection, document: ColumnElement[Any]) -> tuple[ColumnElement[str], FromClause]:
    """The names of a document's members, and what to select them from."""
    if connection.dialect.name == "sqlite":
        members_of = func.json_each(document).table_valued("key", joins_implicitly=True)
        return members_of.c.key, members_of
    name = func.jsonb_object_keys(document).column_valued("key", joins_implicitly=True)
    return name, name.scalar_alias
