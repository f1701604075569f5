"""Re-projection of versions: a new catalogue, or other exclusions, hold for what the mirror said before, too.

That makes no new version: nothing else is known of the record than was. What is excluded leaves all versions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from copy import deepcopy
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    bindparam,
    cast,
    delete,
    exists,
    insert,
    literal,
    select,
    tuple_,
    update,
)

from syncer.domain.catalogue.model import Child, Column, Link, Model
from syncer.domain.catalogue.tables import tables_of
from syncer.domain.erasure.erased import Erased
from syncer.domain.erasure.texts import clean_text
from syncer.domain.records.exclude import Excluded
from syncer.domain.records.record import decoded
from syncer.domain.records.row import Row, project_entry, project_text
from syncer.domain.records.values import json_text
from syncer.store.db.bulk import upsert
from syncer.store.db.in_values import in_values
from syncer.store.db.types import timestamp_text
from syncer.store.records.reproject import Batch, BatchContext, read_documents
from syncer.store.records.versions import relations, same_row
from syncer.store.schema.history_tables import history_table, history_tables, kept_histories
from syncer.store.schema.mirror_tables import MIRROR, MIRRORED_AT

#: Columns that say when a version was, and whose: no document gives them.
_KEPT = frozenset(
    {
        *("integration_id", "remote_deleted_at", "changed_at", "deleted_by", "first_seen_at", "mirrored_at"),
        *("known_from", "known_to"),
    }
)


def reproject_versions(
    context: BatchContext, after: str, *, model: Model, excluded: Excluded | None
) -> Batch:
    """Re-project a batch of the versions of the model's records, links and children, table by table."""
    present = set(history_tables(context.connection))
    tables = [name for name in tables_of(model) if name in present]
    if not tables:
        return Batch()
    name, _, key = after.partition(" ")
    name = name if name in tables else tables[0]
    written, last = _project(context, model, name, excluded, json.loads(key) if key else None)
    following = tables[tables.index(name) + 1 :]
    if last is not None:
        return Batch(0, written, f"{name} {json.dumps(last)}")
    return Batch(0, written, f"{following[0]} " if following else None)


def rewrite_relations(context: BatchContext, model: Model, owners: Sequence[str]) -> int:
    """Make the going versions of links and owned children those that the re-projected owners have now.

    What is new among them is as old as the version of its owner. Give how many versions that wrote.
    """
    connection, kept = context.connection, set(kept_histories(context.connection))
    written = 0
    for name, owner in relations(model.links, model.children):
        if name not in kept:
            continue
        table, versions, records = MIRROR[name], history_table(name), history_table(model.name)
        written += connection.execute(
            delete(versions).where(
                in_values(connection, versions.c[owner], owners),
                versions.c.known_to.is_(None),
                ~exists().where(*same_row(table, versions)),
            )
        ).rowcount
        key = [versions.c[column.name] == column for column in table.primary_key]
        new = select(*table.columns, records.c.known_from).where(
            in_values(connection, table.c[owner], owners),
            records.c.id == table.c[owner],
            records.c.known_to.is_(None),
            ~exists().where(*key, versions.c.known_to.is_(None)),
        )
        names = [*(column.name for column in table.columns), "known_from"]
        statement = insert(versions).from_select(names, new)
        # Of an insert the number is not kept unasked, and is -1 then.
        written += connection.execute(statement, execution_options={"preserve_rowcount": True}).rowcount
    return written


def rewrite_documents(
    context: BatchContext,
    model: Model,
    ids: Collection[str],
    excluded: Excluded | None,
    rewrite: Callable[[str], str | None],
) -> None:
    """Rewrite the documents of all versions of these records, and what follows from them.

    rewrite: gives the new document, or None where it stays.
    """
    if model.name not in set(history_tables(context.connection)):
        return
    versions = history_table(model.name)
    found = context.connection.execute(
        select(*versions.primary_key.columns, cast(versions.c.document, Text).label("document"))
        .where(in_values(context.connection, versions.c.id, ids))
        .order_by(*versions.primary_key.columns)
        .with_for_update()
    ).all()
    for row in found:
        text = rewrite(row.document)
        record = None if text is None else project_text(model, text.encode(), excluded)
        if isinstance(record, Row):
            of_version = [column == getattr(row, column.name) for column in versions.primary_key]
            values = {name: value for name, value in record.values.items() if name not in _KEPT}
            content = {"document": record.document, "content_hash": record.content_hash}
            context.connection.execute(update(versions).where(*of_version).values({**values, **content}))
    _date_again(context, model.name, ids)
    rewrite_relations(context, model, list(ids))


def _project(
    context: BatchContext, model: Model, name: str, excluded: Excluded | None, after: list[Any] | None
) -> tuple[int, list[Any] | None]:
    """Re-project a batch of one table; give how many rows that wrote, and the key after which it goes on."""
    for link in model.links:
        if link.table == name:
            return _links(context, link, excluded, after)
    for child in model.children:
        if child.table == name:
            return _documents(context, name, after, partial(_child_values, child, excluded))
    return _documents(context, name, after, partial(_record_values, context.erased, model, excluded))


def _documents(
    context: BatchContext,
    name: str,
    after: list[Any] | None,
    project: Callable[[Any], dict[str, Any] | None],
) -> tuple[int, list[Any] | None]:
    """Re-project versions out of their documents; drop those of which nothing is left."""
    connection, versions = context.connection, history_table(name)
    hashed = [versions.c.content_hash] if "content_hash" in versions.c else []
    rows = select(*versions.primary_key.columns, cast(versions.c.document, Text).label("document"), *hashed)
    found, goes_on = read_documents(context, _in_order(context, name, rows, after))
    values, gone = [], []
    for row in found:
        projected = project(row)
        if projected is None:
            gone.append(row)
        else:
            key = {column.name: getattr(row, column.name) for column in versions.primary_key}
            values.append({**projected, **key})
    compared = {column.name for column in versions.c if not column.primary_key} - _KEPT
    written = upsert(connection, versions, values, keep=_KEPT, compare=compared)
    written += _delete(context, name, gone)
    if MIRRORED_AT[0] in versions.c:
        _date_again(context, name, {row.id for row in found})
    return written, _key(name, found[-1]) if goes_on else None


def _date_again(context: BatchContext, name: str, ids: Collection[str]) -> None:
    """Give going versions the time at which their rows were written anew."""
    table, versions = MIRROR[name], history_table(name)
    written_at = select(table.c.mirrored_at).where(table.c.id == versions.c.id).scalar_subquery()
    context.connection.execute(
        update(versions)
        .where(
            in_values(context.connection, versions.c.id, ids),
            versions.c.known_to.is_(None),
            versions.c.mirrored_at != written_at,
        )
        .values(mirrored_at=written_at)
    )


def _record_values(
    erased: Erased, model: Model, excluded: Excluded | None, row: Any
) -> dict[str, Any] | None:
    cleaned = clean_text(erased, model.name, None, row.document.encode())
    if cleaned.receipt is not None:
        # It was about somebody else once.
        return None
    record = project_text(model, cleaned.text, excluded)
    if not isinstance(record, Row):
        # What cannot be read keeps nothing that is excluded.
        record = project_text(model, json.dumps({"id": row.id}).encode())
        assert isinstance(record, Row)
    is_same = record.document == row.document
    content_hash = bytes(row.content_hash) if is_same else record.content_hash
    return {**record.values, "document": record.document, "content_hash": content_hash}


def _child_values(child: Child, excluded: Excluded | None, row: Any) -> dict[str, Any] | None:
    return project_entry(child, row.document.encode(), excluded)


def _links(
    context: BatchContext, link: Link, excluded: Excluded | None, after: list[Any] | None
) -> tuple[int, list[Any] | None]:
    """Take from versions of links what is excluded; they have no documents to give anything back."""
    if excluded is None:
        return 0, None
    is_hidden = excluded.hides(link.member + link.target_path)
    # Of JSON some may be hidden, and some left.
    columns = [
        each for each in link.columns if each.type == "json" or excluded.hides(link.member + each.source)
    ]
    if not is_hidden and not columns:
        return 0, None
    versions = history_table(link.table)
    values = [cast(versions.c[each.name], Text).label(each.name) for each in columns]
    rows = _in_order(context, link.table, select(*versions.primary_key.columns, *values), after)
    found = context.connection.execute(rows.limit(context.size)).all()
    last = _key(link.table, found[-1]) if len(found) == context.size else None
    if is_hidden:
        return _delete(context, link.table, found), last
    return _rewrite(context, link, excluded, columns, found), last


def _left_of(link: Link, excluded: Excluded, column: Column, text: str | None) -> str | None:
    """Give what is left of a link's value, as the database takes it."""
    if text is None or column.type != "json":
        left = excluded.left_of(link.member + column.source, text)
        return left if isinstance(left, str) else None
    value = decoded(text.encode())
    left = excluded.left_of(link.member + column.source, deepcopy(value))
    return text if left == value else None if left is None else json_text(left)


def _in_order(context: BatchContext, name: str, rows: Select[Any], after: list[Any] | None) -> Select[Any]:
    """Choose versions behind the key, in the order of their keys, and lock them."""
    key = list(history_table(name).primary_key.columns)
    if after is not None:
        values = [*after[:-1], datetime.fromisoformat(after[-1])]
        given = [literal(value, column.type) for value, column in zip(values, key, strict=True)]
        rows = rows.where(tuple_(*key) > tuple_(*given))
    return rows.order_by(*key).with_for_update()


def _key(name: str, row: Any) -> list[Any]:
    *others, known_from = (getattr(row, column.name) for column in history_table(name).primary_key)
    return [*others, timestamp_text(known_from)]


def _delete(context: BatchContext, name: str, rows: Sequence[Any]) -> int:
    if rows:
        statement = delete(history_table(name)).where(*_is_row(name))
        context.connection.execute(statement, [_bound_key(name, row) for row in rows])
    return len(rows)


def _rewrite(
    context: BatchContext, link: Link, excluded: Excluded, columns: Sequence[Column], rows: Sequence[Any]
) -> int:
    """Write what is left of versions of a link; give how many differ."""
    name = link.table
    changed = []
    for row in rows:
        before = {each.name: getattr(row, each.name) for each in columns}
        left = {each.name: _left_of(link, excluded, each, before[each.name]) for each in columns}
        if left != before:
            changed.append(_bound_key(name, row) | {f"new_{key}": value for key, value in left.items()})
    if changed:
        versions = history_table(name)
        new = {each.name: bindparam(f"new_{each.name}", type_=versions.c[each.name].type) for each in columns}
        context.connection.execute(update(versions).where(*_is_row(name)).values(new), changed)
    return len(changed)


def _is_row(name: str) -> list[ColumnElement[bool]]:
    key = history_table(name).primary_key
    return [column == bindparam(f"key_{column.name}", type_=column.type) for column in key]


def _bound_key(name: str, row: Any) -> dict[str, Any]:
    key = history_table(name).primary_key
    return {f"key_{column.name}": getattr(row, column.name) for column in key}
