"""Claims of streams, each of which begins a run: one by its key, or as many as are due and have a place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from syncer.domain.errors import Busy
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.stream import Stream
from syncer.store.state.refused_parameters import read_refused
from syncer.store.state.runs import begin_run, begin_runs
from syncer.store.state.streams import Lease
from syncer.sync.context import SyncContext
from syncer.sync.integrations import Integrations
from syncer.sync.run_context import RunContext
from syncer.sync.sources.lookup import source_of


async def claim(
    context: SyncContext, integrations: Integrations, key: StreamKey, *, is_sync: bool = True
) -> RunContext:
    """Claim a stream, whether it is due or not. Raises Busy where another runner has it, DatabaseError.

    is_sync: the run does what made the stream due.
    """

    def take(connection: Connection) -> RunContext:
        streams = context.streams
        before = streams.get_or_add(connection, key)
        now = context.database.now(connection)
        lease = streams.claim(
            connection,
            key,
            owner=context.owner,
            now=now,
            length=context.rules.lease,
            is_dead=context.is_dead,
            answers=is_sync,
        )
        if lease is None:
            raise Busy(
                f"Another runner works on {key.model} of {key.integration_id}: try again when it is through."
            )
        run_id = context.new_id()
        begin_run(connection, run_id, streams.environment, key, context.owner, now)
        return _run_on(connection, context, integrations, lease, run_id, before, now, is_sync=is_sync)

    return await context.database.write(take)


def claim_due(
    connection: Connection,
    context: SyncContext,
    context_of: Callable[[StreamKey], SyncContext],
    integrations: Integrations,
    keys: Sequence[StreamKey],
    most: int,
    *,
    waits: bool = False,
) -> list[RunContext]:
    """Claim the first of these streams that are still due and that nobody else is claiming, so many at most.

    It is one transaction for all that a process has places for. context_of: gives each run its own context.
    waits: as ``StreamStore.claim_due`` has it.
    """
    streams, owner, now = context.streams, context.owner, context.database.now(connection)
    claims = streams.claim_due(
        connection,
        keys,
        most,
        owner=owner,
        now=now,
        length=context.rules.lease,
        is_dead=context.is_dead,
        waits=waits,
    )
    begun = {context.new_id(): each for each in claims}
    if begun:
        ids = {run_id: each.lease.key for run_id, each in begun.items()}
        begin_runs(connection, streams.environment, ids, owner, now)
    return [
        _run_on(connection, context_of(each.lease.key), integrations, each.lease, run_id, each.before, now)
        for run_id, each in begun.items()
    ]


def _run_on(
    connection: Connection,
    context: SyncContext,
    integrations: Integrations,
    lease: Lease,
    run_id: str,
    before: Stream,
    now: datetime,
    *,
    is_sync: bool = True,
) -> RunContext:
    refused = partial(read_refused, connection, context.streams.environment, lease.key, now)
    source = source_of(context, lease.key, refused)
    return RunContext(context, integrations, lease, run_id, source, before, now, is_sync)
