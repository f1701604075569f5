"""Rows of an integration that Kombo has deleted: marked, or purged with all that is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from sqlalchemy import Connection, select

from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.state import Outcome
from syncer.store.db.removed_values import note_removed
from syncer.store.records.feed import tell_removed
from syncer.store.records.purge import purge_steps, remove_records
from syncer.store.schema.destination import stream_destination
from syncer.store.schema.state_tables import streams
from syncer.store.state.missing import MissingStore
from syncer.sync.context import SyncContext
from syncer.sync.deletions.mark import mark_missing
from syncer.sync.integrations import Integrations
from syncer.sync.lease import end_leased, heartbeat, leased_run
from syncer.sync.run_context import RunContext
from syncer.sync.sources.lookup import is_known

#: Rows that one transaction marks.
AT_ONCE = 2_000


async def mark_integration(context: SyncContext, integrations: Integrations, integration_id: str) -> int:
    """Mark all live rows of the integration deleted; give how many.

    Raises Busy where another runner has one of its streams, LeaseLost, DatabaseError; then it can be done
    again.
    """
    marked = 0
    for key in await _streams(context, integration_id):
        async with leased_run(context, integrations, key, is_sync=False) as run:
            async with heartbeat(run):
                while some := await run.write(partial(_mark_some, run)):
                    marked += some
            await end_leased(run, Outcome.COMPLETE)
    return marked


async def purge_integration(context: SyncContext, integrations: Integrations, integration_id: str) -> None:
    """Delete everything of the integration but its row, which says no more than that it was removed.

    Raises as ``mark_integration``.
    """
    for key in await _streams(context, integration_id):
        # Whoever works on the stream would write its rows again: this waits for it, and keeps others out.
        async with leased_run(context, integrations, key, is_sync=False) as run:
            async with heartbeat(run):
                while await run.write(partial(_remove_some, run)):
                    pass
            await end_leased(run, Outcome.COMPLETE)
    for last in (False, True):
        for step in purge_steps(integration_id, last=last):
            while await context.database.write(step):
                pass
    await context.database.write(lambda connection: context.integrations.blank(connection, integration_id))


async def _streams(context: SyncContext, integration_id: str) -> Sequence[StreamKey]:
    """Read the integration's streams, mirrored or not any more."""

    def read(connection: Connection) -> list[StreamKey]:
        found = connection.execute(
            select(streams.c.model)
            .where(
                streams.c.environment == context.streams.environment,
                streams.c.integration_id == integration_id,
            )
            .order_by(streams.c.model)
        )
        return [StreamKey(integration_id, model) for model in found.scalars()]

    return [key for key in await context.database.ask(read) if is_known(context, key)]


def _mark_some(run: RunContext, connection: Connection) -> int:
    history = run.source.pin(connection).history
    now = run.fence(connection)
    destination = stream_destination(run.environment, run.key)
    ids = list(
        connection.execute(
            select(destination.id)
            .where(*destination.stream_filter, destination.table.c.remote_deleted_at.is_(None))
            .limit(AT_ONCE)
        ).scalars()
    )
    store = MissingStore(run.environment, run.key)
    store.note(connection, ids, run.run_id, now)
    counts = mark_missing(run, connection, store.missed_often(1), history, now, only_approved=False)
    run.context.streams.count_rows(connection, run.lease, counts)
    return counts.deleted


def _remove_some(run: RunContext, connection: Connection) -> int:
    now = run.fence(connection)
    ids = remove_records(connection, stream_destination(run.environment, run.key))
    tell_removed(connection, run.context.rules.feed, run.environment, run.key, ids, now)
    note_removed(connection)
    return len(ids)
