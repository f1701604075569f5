"""What the mirror has of records that have come. The database compares: what has not changed costs little."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, cast, func, literal, or_, select
from sqlalchemy.dialects.postgresql import JSONB

from syncer.domain.change import Known
from syncer.domain.model import Model
from syncer.domain.record import Record, says_the_same
from syncer.store.listed import is_listed
from syncer.store.tables import MIRROR


def known_rows(connection: Connection, model: Model, ids: Iterable[str]) -> dict[str, Known]:
    """What the mirror has of these records, by id."""
    columns = MIRROR[model.name].c
    found = connection.execute(
        select(columns.id, *_known(model)).where(is_listed(connection, columns.id, ids))
    )
    return {row[0]: Known(*row[1:]) for row in found.all()}


def differing(connection: Connection, model: Model, hashes: Mapping[str, bytes]) -> dict[str, Known | None]:
    """The records that may do something to the mirror, each with what that has of it; None: nothing.

    hashes: those of all records, by id.
    """
    table = MIRROR[model.name]
    texts = {record_id: each.hex() for record_id, each in hashes.items()}
    if connection.dialect.name == "sqlite":
        come = func.json_each(json.dumps(texts)).table_valued("key", "value", name="come")
        theirs: ColumnElement[str] = func.lower(func.hex(table.c.content_hash))
    else:
        listed = cast(literal(json.dumps(texts), Text), JSONB)
        come = func.jsonb_each_text(listed).table_valued("key", "value", name="come")
        theirs = func.encode(table.c.content_hash, "hex")
    found = connection.execute(
        select(come.c.key, table.c.id, *_known(model))
        .select_from(come.outerjoin(table, table.c.id == come.c.key))
        .where(or_(table.c.id.is_(None), theirs != come.c.value, table.c.deleted_by == "sweep"))
    )
    return {row[0]: None if row[1] is None else Known(*row[2:]) for row in found.all()}


def recognised(
    connection: Connection, model: Model, records: Iterable[Record], known: Mapping[str, Known]
) -> dict[str, Known]:
    """What the mirror has, with the hashes of records that say the same in another order of their members."""
    others = {
        record.id: record
        for record in records
        if record.id in known and known[record.id].content_hash != record.content_hash
    }
    if not others:
        return dict(known)
    columns = MIRROR[model.name].c
    documents = connection.execute(
        select(columns.id, cast(columns.document, Text)).where(is_listed(connection, columns.id, others))
    )
    same = [record_id for record_id, text in documents.all() if says_the_same(others[record_id].text, text)]
    return {**known, **{each: known[each]._replace(content_hash=others[each].content_hash) for each in same}}


def _known(model: Model) -> tuple[ColumnElement[Any], ...]:
    """The columns of ``Known``, in its order."""
    columns = MIRROR[model.name].c
    deleted = columns.remote_deleted_at.is_not(None)
    return columns.content_hash, deleted, columns.deleted_by, columns.mirrored_at
