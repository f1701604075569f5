"""Re-projection of the change feed: the former values in it lose what is excluded now, or erased."""

from __future__ import annotations

from sqlalchemy import Text, bindparam, cast, select, update

from syncer.domain.catalogue.places import record_places
from syncer.domain.records.exclude import Excluded
from syncer.domain.records.record import decoded
from syncer.domain.records.values import json_text
from syncer.store.records.reproject import Batch, BatchContext
from syncer.store.schema.feed_tables import changes

(_BEFORE,) = record_places(changes.name)


def reproject_feed(context: BatchContext, after: str, *, name: str, excluded: Excluded | None) -> Batch:
    """Re-project a batch of the list's changes, by their numbers."""
    if excluded is None and not context.erased:
        return Batch()
    column = changes.c[_BEFORE]
    found = context.connection.execute(
        select(changes.c.sequence, cast(column, Text).label("before"))
        .where(
            changes.c.model == name,
            changes.c.sequence > int(after or 0),
            column.is_not(None),
        )
        .order_by(changes.c.sequence)
        .limit(context.size)
        .with_for_update()
    ).all()
    stripped = []
    for row in found:
        before = decoded(row.before.encode())
        if not isinstance(before, dict):
            continue
        receipt, forgotten = context.erased.forget(name, None, before)
        is_stripped = excluded is not None and excluded.strip(before)
        if receipt is not None:
            stripped.append({"row_sequence": row.sequence, "new_before": None})
        elif is_stripped or forgotten:
            stripped.append({"row_sequence": row.sequence, "new_before": json_text(before)})
    if stripped:
        statement = update(changes).where(changes.c.sequence == bindparam("row_sequence"))
        context.connection.execute(statement.values({column: bindparam("new_before")}), stripped)
    goes_on = len(found) == context.size
    return Batch(0, len(stripped), str(found[-1].sequence) if goes_on else None)
