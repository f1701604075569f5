"""Re-projection of a model's quarantine: entries get the document and reason that they would have now."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, select, tuple_, update

from syncer.domain.catalogue.model import Model
from syncer.domain.records.exclude import Excluded
from syncer.domain.records.record import ID_TAKEN, Poison, ascii_json
from syncer.domain.records.row import Row, project_text
from syncer.store.records.reproject import Batch, BatchContext, joined_key, read_documents, split_key
from syncer.store.records.write import DATABASE_REFUSAL
from syncer.store.schema.mirror_tables import MIRROR
from syncer.store.schema.state_tables import quarantine
from syncer.store.state.quarantine import HASHED, record_key


def reproject_quarantine(context: BatchContext, model: Model, excluded: Excluded | None, after: str) -> Batch:
    """Re-project a batch of the model's entries."""
    connection, columns = context.connection, quarantine.c
    found, goes_on = read_documents(
        context,
        select(quarantine)
        .where(
            columns.environment == context.environment,
            columns.model == model.name,
            tuple_(columns.integration_id, columns.record_key) > tuple_(*split_key(after)),
        )
        .order_by(columns.integration_id, columns.record_key)
        .with_for_update(),
    )
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
    last = joined_key(found[-1].integration_id, found[-1].record_key) if goes_on else None
    return Batch(0, written, last)


def _update(
    context: BatchContext, model: Model, excluded: Excluded | None, entry: Any, *, is_mirrored: bool
) -> int:
    """Bring one entry up to date, or drop it where its row is whole now; give how many rows that wrote."""
    connection = context.connection
    same_stream = (
        quarantine.c.environment == entry.environment,
        quarantine.c.integration_id == entry.integration_id,
        quarantine.c.model == entry.model,
    )
    is_entry = (*same_stream, quarantine.c.record_key == entry.record_key)
    record = project_text(model, entry.document.encode(), excluded)
    document = record.document if isinstance(record, Poison) else ascii_json(record.document)
    reason = entry.reason
    # What the document does not tell.
    is_of_database = reason.startswith(DATABASE_REFUSAL) or ID_TAKEN in reason
    if isinstance(record, Row) and not is_of_database and is_mirrored:
        if not record.notes:
            return connection.execute(delete(quarantine).where(*is_entry)).rowcount
        reason = "; ".join(record.notes)
    elif document != entry.document:
        # The reason may quote what the document does not have any more.
        reason = record.reason if isinstance(record, Poison) else reason.partition(":")[0]
    if (document, reason) == (entry.document, entry.reason):
        return 0
    key = entry.record_key
    if key.startswith(HASHED):
        key = record_key(record.id, document)
        if key != entry.record_key:
            connection.execute(delete(quarantine).where(*same_stream, quarantine.c.record_key == key))
    changes = update(quarantine).where(*is_entry).values(record_key=key, document=document, reason=reason)
    return connection.execute(changes).rowcount
