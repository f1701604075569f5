"""Re-projection of the change feed: former values lose the members that are excluded now."""

from __future__ import annotations

from sqlalchemy import Text, bindparam, cast, select, tuple_, update

from syncer.domain.catalogue.model import Model
from syncer.domain.records.exclude import Excluded
from syncer.domain.records.record import decoded
from syncer.domain.records.values import json_text
from syncer.store.records.reproject import Batch, BatchContext, joined_key, read_documents, split_key
from syncer.store.schema.mirror_tables import changes

_UPDATE = (
    update(changes)
    .where(changes.c.sequence == bindparam("row_sequence"))
    .values(before=bindparam("new_before"))
)


def reproject_former_values(
    context: BatchContext, model: Model, excluded: Excluded | None, after: str
) -> Batch:
    """Remove what is excluded from the former values in a batch of the model's changes."""
    if excluded is None:
        return Batch()
    sequence, record_id = split_key(after)
    found, goes_on = read_documents(
        context,
        select(changes.c.sequence, changes.c.record_id, cast(changes.c.before, Text).label("document"))
        .where(
            changes.c.before.is_not(None),
            changes.c.model == model.name,
            changes.c.environment == context.environment,
            # In the order of the index of these changes.
            tuple_(changes.c.record_id, changes.c.sequence) > tuple_(record_id, int(sequence or 0)),
        )
        .order_by(changes.c.record_id, changes.c.sequence)
        .with_for_update(),
    )
    stripped = []
    for each in found:
        former = decoded(each.document.encode())
        if excluded.strip(former):
            stripped.append({"row_sequence": each.sequence, "new_before": json_text(former)})
    if stripped:
        context.connection.execute(_UPDATE, stripped)
    last = joined_key(str(found[-1].sequence), found[-1].record_id) if goes_on else None
    return Batch(0, len(stripped), last)
