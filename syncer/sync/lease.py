"""The lease of a run: claimed, renewed by a heartbeat, checked by every write, released with an outcome."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta

from sqlalchemy import Connection

from syncer.domain.errors import DatabaseError, DatabaseUnavailable, KomboError, LeaseLost, SyncerError
from syncer.domain.scheduling.intervals import ChangeHistory, update_history
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.attempts import next_attempt
from syncer.domain.streams.decisions import is_backfilled
from syncer.domain.streams.state import Outcome
from syncer.domain.streams.stream import Stream
from syncer.process.log import Logger
from syncer.store.state.health import health
from syncer.store.state.runs import end_run
from syncer.sync.claims import claim
from syncer.sync.context import Ended, SyncContext
from syncer.sync.integrations import Integrations
from syncer.sync.run_context import RunContext
from syncer.sync.told import answer_webhooks

log = Logger()

#: Outcomes of a sync that did all it could: what is held and in quarantine decides among them.
_SETTLED = {Outcome.COMPLETE, Outcome.INCOMPLETE, Outcome.HELD}


@asynccontextmanager
async def leased_run(
    context: SyncContext, integrations: Integrations, key: StreamKey, *, is_sync: bool = True
) -> AsyncIterator[RunContext]:
    """Claim the stream, and hold its lease for one run, as ``held`` does. Raises Busy as ``claim`` does."""
    async with held(await claim(context, integrations, key, is_sync=is_sync)) as run:
        yield run


@asynccontextmanager
async def held(run: RunContext) -> AsyncIterator[RunContext]:
    """Hold the lease of a run that has it.

    The body works under ``heartbeat`` and then, when no beat can come any more, calls ``end_leased``. A run
    that raises ends as failed, one that is cancelled as stopped. Raises LeaseLost once another runner has
    taken the stream over.
    """
    try:
        yield run
    except (LeaseLost, DatabaseError):
        # There is nothing that could be written: the lease is another's, or it expires.
        raise
    except BaseException as error:
        outcome, said = Outcome.STOPPED, None
        if isinstance(error, SyncerError):
            outcome, said = Outcome.FAILED, error.reason if isinstance(error, KomboError) else str(error)
        with suppress(LeaseLost, DatabaseError):
            # The pages stored so far are kept, and nobody has to wait for the lease.
            await asyncio.shield(end_leased(run, outcome, said))
        raise


@asynccontextmanager
async def heartbeat(run: RunContext) -> AsyncIterator[None]:
    """Renew the lease every third of it while the body runs, waiting for a permit included.

    Once the lease is not ours any more the body is cancelled, and LeaseLost raised.
    """
    every = run.context.rules.lease.total_seconds() / 3
    body = asyncio.current_task()
    assert body is not None
    lost: list[Exception] = []

    async def beat() -> None:
        while True:
            await run.context.sleep(every)
            try:
                await run.context.database.write(run.fence)
            except DatabaseUnavailable:
                # The next page's write finds out if the lease still holds.
                log.warning("lease_not_renewed", integration=run.key.integration_id, model=run.key.model)
            except Exception as error:
                lost.append(error)
                body.cancel()
                return

    beating = asyncio.create_task(beat())
    try:
        try:
            yield
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
    except asyncio.CancelledError:
        # Cancelled by the heartbeat alone, and not by somebody else as well.
        if lost and not body.uncancel():
            raise lost[0] from None
        raise


async def end_leased(
    run: RunContext,
    outcome: Outcome,
    error: str | None = None,
    *,
    changed: bool = False,
    pause: timedelta | None = None,
    read_from: datetime | None = None,
) -> Ended:
    """End the run and release the lease; give the outcome and the error as they are after all.

    changed: the run found something to write. pause: until the next attempt, where the outcome does not
    decide it. read_from: the time from which on it has read the list anew. Raises LeaseLost.
    """

    def end(connection: Connection) -> Ended:
        # Waits for what a cancelled caller is still writing: what is read from here on is what it has left.
        now = run.fence(connection)
        if run.is_sync:
            ended = _release_sync(connection, run, outcome, error, now, changed, pause, read_from)
        else:
            ended = _release_other(connection, run, outcome, error)
        end_run(
            connection,
            run.run_id,
            ended.outcome,
            ended.error,
            now,
            stored=run.stored.count,
            told_at=None if ended.waited is None else now - ended.waited,
        )
        return ended

    return await run.context.database.write(end)


def _release_sync(
    connection: Connection,
    run: RunContext,
    outcome: Outcome,
    error: str | None,
    now: datetime,
    changed: bool,
    pause: timedelta | None,
    read_from: datetime | None,
) -> Ended:
    """Leave the outcome and the next attempt on the stream."""
    found = health(connection, run.environment, run.key)
    ended = found.outcome(outcome)
    stream = run.context.streams.get(connection, run.key)
    # Stopped with nothing unfinished, it is as its last walk has left it.
    is_settled = ended is Outcome.STOPPED and is_backfilled(stream, stream.filters)
    # What keeps it from being complete, where nothing else went wrong.
    said = found.reason if outcome is Outcome.COMPLETE else error
    failures = run.before.failures + 1 if ended is Outcome.FAILED else 0
    pause = pause or next_attempt(ended, failures)
    events = run.context.webhook_events
    answered = answer_webhooks(
        connection,
        events,
        stream,
        outcome,
        began_at=run.began_at,
        read_from=read_from,
        now=now,
        has_room=run.context.has_room(),
    )
    # What a webhook has told of does not wait for the schedule.
    changes_seen = _changes_seen(run.before, now, changed and not answered.is_caused)
    run.context.streams.release(
        connection,
        run.lease,
        state=stream.state if is_settled else found.state(ended),
        outcome=ended,
        error=said,
        failures=failures,
        now=now,
        due_at=None if pause is None else now + pause,
        changes_seen=changes_seen if outcome is Outcome.COMPLETE else None,
        told=answered.told,
    )
    return Ended(ended, said, answered.waited)


def _release_other(connection: Connection, run: RunContext, outcome: Outcome, error: str | None) -> Ended:
    """Leave the last sync's outcome alone but for what is held or in quarantine, which may be another now."""
    stream = run.context.streams.get(connection, run.key)
    state, ended, said = stream.state, stream.last_outcome, stream.last_error
    if ended in _SETTLED and stream.walk is None:
        found = health(connection, run.environment, run.key)
        state, ended, said = found.state(), found.outcome(), found.reason
    run.context.streams.free(connection, run.lease, state=state, outcome=ended, error=said)
    return Ended(outcome, error)


def _changes_seen(before: Stream, now: datetime, changed: bool) -> ChangeHistory | None:
    """Add the run to what is known of the stream's changes; None where it was the first."""
    if before.complete_at is None:
        return None
    return update_history(before.changes_seen, (now - before.complete_at).total_seconds(), changed=changed)
