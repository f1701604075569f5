"""Versions of the rows that a run writes, kept in the transaction that writes them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection

from syncer.domain.records.change import Change
from syncer.store.records.blank_versions import blank_versions
from syncer.store.records.versions import keep_versions
from syncer.store.records.write import WrittenRows
from syncer.sync.compare import PageDiff
from syncer.sync.run_context import RunContext


def keep_written(
    run: RunContext,
    connection: Connection,
    history: Collection[str],
    diff: PageDiff,
    written: WrittenRows,
    now: datetime,
) -> None:
    """Keep versions of rows that were written; of what Kombo has blanked older ones are blanked, too.

    history: the tables of which versions are kept.
    """
    unchanged = {record_id for record_id, effect in written.effects.items() if effect is Change.UNCHANGED}
    if history:
        destination = run.source.destination
        keep_versions(connection, destination, history, written.rows, diff.stored, unchanged, now)
    if not run.context.rules.keep_anonymised:
        # Also where no history is kept now: it may have been, before.
        blanked = [row.id for row in written.rows if row.is_shell and row.id not in unchanged]
        if blanked:
            blank_versions(connection, run.key.model, blanked)
