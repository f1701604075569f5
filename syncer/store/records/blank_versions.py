"""Blanking and forgetting of versions: what Kombo, or a person, has erased leaves the history, too.

It reaches every table of versions that there is, whether its history is still kept or not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, delete, func, literal, null, select, update

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.model import Model
from syncer.domain.records.blank import SHELL_MEMBERS
from syncer.store.db.in_values import in_values
from syncer.store.db.types import Hash
from syncer.store.records.versions import relations
from syncer.store.schema.history_tables import history_table, history_tables
from syncer.store.schema.mirror_tables import CONTENT_HASH, DOCUMENT

#: Of what nothing is left to be compared.
_NO_HASH = bytes(16)


def blank_versions(connection: Connection, model: str, record_ids: Collection[str]) -> None:
    """Blank the ended versions of these records: they keep what a blanked record keeps, and no children.

    The hash goes, too: who knows all the rest of a record could try values until it fits.
    """
    entry = catalogue().get(model)
    if entry is None:
        # Of an added list there are none.
        return
    kept = set(history_tables(connection))
    if model in kept:
        versions = history_table(model)
        values = {column.name: null() for column in entry.columns if column.source[0] not in SHELL_MEMBERS}
        document = _document(connection, versions)
        connection.execute(
            update(versions)
            .where(in_values(connection, versions.c.id, record_ids), versions.c.known_to.is_not(None))
            .values({**values, DOCUMENT[0]: document, CONTENT_HASH[0]: literal(_NO_HASH, Hash)})
        )
    _forget_relations(connection, entry, kept, record_ids)


def erase_versions(connection: Connection, model: Model, record_ids: Collection[str]) -> Counter[str]:
    """Delete all versions of these records, of their links and owned children; give how many, by table."""
    kept, gone = set(history_tables(connection)), Counter[str]()
    for table, owner in _relations(model, kept):
        statement = delete(table).where(in_values(connection, table.c[owner], record_ids))
        gone[table.name] += connection.execute(statement).rowcount
    if model.name in kept:
        versions = history_table(model.name)
        statement = delete(versions).where(in_values(connection, versions.c.id, record_ids))
        gone[versions.name] += connection.execute(statement).rowcount
    return gone


def forget_versions(model: Model, integration_id: str, limit: int, connection: Connection) -> int:
    """Delete versions of the integration's records of a model, so many records at most; give how many.

    Those of their links and owned children go with them, those of shared children in the end.
    """
    kept = set(history_tables(connection))
    if model.name not in kept:
        return 0
    versions = history_table(model.name)
    theirs = versions.c.integration_id == integration_id
    ids = list(connection.execute(select(versions.c.id).distinct().where(theirs).limit(limit)).scalars())
    _forget_relations(connection, model, kept, ids)
    connection.execute(delete(versions).where(in_values(connection, versions.c.id, ids), theirs))
    if not ids:
        for name in {child.table for child in model.children if child.owner is None} & kept:
            shared = history_table(name)
            connection.execute(delete(shared).where(shared.c.integration_id == integration_id))
    return len(ids)


def _forget_relations(
    connection: Connection, model: Model, kept: Collection[str], owners: Collection[str]
) -> None:
    for table, owner in _relations(model, kept):
        connection.execute(delete(table).where(in_values(connection, table.c[owner], owners)))


def _relations(model: Model, kept: Collection[str]) -> Iterator[tuple[Table, str]]:
    """Give the tables of versions of the model's links and owned children, each with its owner's column."""
    for name, owner in relations(model.links, model.children):
        if name in kept:
            yield history_table(name), owner


def _document(connection: Connection, versions: Table) -> ColumnElement[Any]:
    build = func.json_object if connection.dialect.name == "sqlite" else func.jsonb_build_object
    return build("id", versions.c.id, "remote_id", versions.c.remote_id)
