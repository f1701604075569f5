"""Telling of the change feed what a run writes, in the transaction that writes it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection

from syncer.domain.feed.row_change import row_change, swept
from syncer.domain.records.change import Change
from syncer.store.records.feed import blank_former_values, tell_changes
from syncer.store.records.write import WrittenRows
from syncer.sync.compare import PageDiff
from syncer.sync.run_context import RunContext

_LEAVES_NOTHING_TO_BLANK = {Change.CREATED, Change.UNCHANGED}


def tell_written(
    run: RunContext, connection: Connection, diff: PageDiff, written: WrittenRows, now: datetime
) -> None:
    """Tell the changes of rows that were written; of what is blanked former values are blanked, too."""
    rules, keep_anonymised = run.context.rules.feed, run.context.rules.keep_anonymised
    if run.key.model in rules.models:
        told = (
            row_change(
                row,
                written.effects[row.id],
                diff.stored.get(row.id),
                diff.former.get(row.id),
                keep_anonymised=keep_anonymised,
            )
            for row in written.rows
        )
        changes = [each for each in told if each is not None]
        tell_changes(connection, rules, run.environment, run.key, changes, now)
    if not keep_anonymised:
        # Also where the feed tells of the list no more: it may have, before.
        blanked = [
            row.id
            for row in written.rows
            if row.is_shell and written.effects[row.id] not in _LEAVES_NOTHING_TO_BLANK
        ]
        blank_former_values(connection, run.environment, run.key, blanked)


def tell_swept(run: RunContext, connection: Connection, ids: Iterable[str], now: datetime) -> None:
    """Tell that a sweep has marked these rows deleted."""
    tell_changes(connection, run.context.rules.feed, run.environment, run.key, map(swept, ids), now)
