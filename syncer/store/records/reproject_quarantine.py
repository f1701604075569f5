"""Re-projection of a list's quarantine: entries get the document and reason that they would have now."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, delete, select, tuple_, update

from syncer.domain.catalogue.model import Model
from syncer.domain.erasure.texts import clean_document
from syncer.domain.records.exclude import Excluded
from syncer.domain.records.record import ID_TAKEN, Poison, ascii_json, poison
from syncer.domain.records.row import Row, project_text
from syncer.store.records.reproject import Batch, BatchContext, joined_key, read_documents, split_key
from syncer.store.records.write import DATABASE_REFUSAL
from syncer.store.schema.mirror_tables import MIRROR
from syncer.store.schema.state_tables import quarantine
from syncer.store.state.quarantine import HASHED, record_key


def reproject_quarantine(
    context: BatchContext, after: str, *, model: Model, excluded: Excluded | None
) -> Batch:
    """Re-project a batch of the model's entries."""
    connection = context.connection
    found, goes_on = _entries(context, model.name, after)
    table = MIRROR[model.name]
    rows = connection.execute(
        select(table.c.integration_id, table.c.id).where(
            table.c.id.in_([entry.record_key for entry in found])
        )
    )
    mirrored = {tuple(row) for row in rows}
    written = sum(
        _update(
            context,
            model,
            excluded,
            entry,
            is_mirrored=(entry.integration_id, entry.record_key) in mirrored,
        )
        for entry in found
    )
    return Batch(0, written, _last(found) if goes_on else None)


def reproject_native_quarantine(
    context: BatchContext, after: str, *, name: str, excluded: Excluded | None
) -> Batch:
    """Re-project a batch of a native list's entries: they lose what is excluded."""
    if excluded is None:
        return Batch()
    found, goes_on = _entries(context, name, after)
    written = 0
    for entry in found:
        document = poison(entry.document.encode(), entry.reason, excluded).document
        if document != entry.document:
            written += _replace(context, entry, None, document, entry.reason.partition(":")[0])
    return Batch(0, written, _last(found) if goes_on else None)


def _entries(context: BatchContext, name: str, after: str) -> tuple[list[Any], bool]:
    """Read and lock the list's next entries, by key; tell whether it goes on after them."""
    columns = quarantine.c
    return read_documents(
        context,
        select(quarantine)
        .where(
            columns.model == name,
            tuple_(columns.environment, columns.integration_id, columns.record_key)
            > tuple_(*split_key(after)),
        )
        .order_by(columns.environment, columns.integration_id, columns.record_key)
        .with_for_update(),
    )


def _last(entries: list[Any]) -> str:
    last = entries[-1]
    return joined_key(last.environment, last.integration_id, last.record_key)


def _update(
    context: BatchContext, model: Model, excluded: Excluded | None, entry: Any, *, is_mirrored: bool
) -> int:
    """Bring one entry up to date, or drop it where its row is whole now, or it is erased.

    Give how many rows that wrote.
    """
    cleaned = clean_document(context.erased, model.name, entry.integration_id, entry.document)
    if cleaned.receipt is not None:
        return context.connection.execute(delete(quarantine).where(*_is(entry, entry.record_key))).rowcount
    record = project_text(model, cleaned.text, excluded)
    document = record.document if isinstance(record, Poison) else ascii_json(record.document)
    reason = entry.reason
    # What the document does not tell.
    is_of_database = reason.startswith(DATABASE_REFUSAL) or ID_TAKEN in reason
    if isinstance(record, Row) and not is_of_database and is_mirrored:
        if not record.notes:
            return context.connection.execute(
                delete(quarantine).where(*_is(entry, entry.record_key))
            ).rowcount
        reason = "; ".join(record.notes)
    elif document != entry.document:
        # The reason may quote what the document does not have any more.
        reason = record.reason if isinstance(record, Poison) else reason.partition(":")[0]
    if (document, reason) == (entry.document, entry.reason):
        return 0
    return _replace(context, entry, record.id, document, reason)


def _replace(context: BatchContext, entry: Any, record_id: str | None, document: str, reason: str) -> int:
    """Replace what an entry says, and its key where that is a hash; give how many rows that wrote."""
    connection, key = context.connection, entry.record_key
    if key.startswith(HASHED):
        key = record_key(record_id, document)
        if key != entry.record_key:
            connection.execute(delete(quarantine).where(*_is(entry, key)))
    changes = update(quarantine).where(*_is(entry, entry.record_key))
    return connection.execute(changes.values(record_key=key, document=document, reason=reason)).rowcount


def _is(entry: Any, key: str) -> tuple[ColumnElement[bool], ...]:
    """Make the conditions: of the same stream, and with this key."""
    return (
        quarantine.c.environment == entry.environment,
        quarantine.c.integration_id == entry.integration_id,
        quarantine.c.model == entry.model,
        quarantine.c.record_key == key,
    )
