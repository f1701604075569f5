"""The lease of a run: claimed, renewed by a heartbeat, checked by every write, released with an outcome."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import field
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection

from syncer.domain.dataclass import dataclass
from syncer.domain.errors import Busy, DatabaseError, DatabaseUnavailable, KomboError, LeaseLost, SyncerError
from syncer.domain.scheduling.intervals import ChangeHistory, update_history
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.attempts import next_attempt
from syncer.domain.streams.decisions import is_backfilled
from syncer.domain.streams.state import Outcome
from syncer.domain.streams.stream import Stream
from syncer.process.log import Logger
from syncer.store.state.health import health
from syncer.store.state.refused_parameters import read_refused
from syncer.store.state.runs import begin_run, end_run
from syncer.store.state.streams import Lease
from syncer.sync.context import Ended, SyncContext
from syncer.sync.integrations import Integrations
from syncer.sync.sources.base import Source
from syncer.sync.sources.lookup import source_of
from syncer.sync.tables import on_table
from syncer.sync.told import answer_webhooks

_T = TypeVar("_T")

log = Logger()

#: Outcomes of a sync that did all it could: what is held and in quarantine decides among them.
_SETTLED = {Outcome.COMPLETE, Outcome.INCOMPLETE, Outcome.HELD}


@dataclass(slots=True)
class StoredPages:
    """Number of the pages that a run knows to be stored."""

    count: int = 0


@dataclass(frozen=True, slots=True)
class RunContext:
    """One run on one stream: the lease it holds, the list it reads, and the stream as it was before.

    stored: what the database has to remember of it. is_sync: the run brings the stream up to date, and
    decides about its outcome and its next attempt. Other runs write single records and leave these alone.
    """

    context: SyncContext
    integrations: Integrations
    lease: Lease
    run_id: str
    source: Source
    before: Stream
    began_at: datetime
    is_sync: bool
    stored: StoredPages = field(default_factory=StoredPages)

    @property
    def key(self) -> StreamKey:
        """Key of the stream."""
        return self.lease.key

    @property
    def environment(self) -> str:
        """Environment of the stream."""
        return self.context.streams.environment

    def fence(self, connection: Connection) -> datetime:
        """Renew the lease inside a transaction that writes; give the database's time.

        A runner that was paused beyond its lease cannot write any more. Raises LeaseLost.
        """
        now = self.context.database.now(connection)
        self.renew(connection, now)
        return now

    def renew(self, connection: Connection, now: datetime) -> None:
        """Renew the lease inside a transaction that writes. Raises LeaseLost."""
        self.context.streams.renew(connection, self.lease, now, self.context.rules.lease)

    async def write(self, work: Callable[[Connection], _T]) -> _T:
        """Run work on the stream's rows in a writing transaction on a worker thread.

        Raises TableUnavailable where only these cannot be used.
        """
        database = self.context.database
        return await on_table(database, self.key.model, database.write(work))

    async def read(self, work: Callable[[Connection], _T]) -> _T:
        """Run work on the stream's rows in a reading transaction on a worker thread. Raises as ``write``."""
        database = self.context.database
        return await on_table(database, self.key.model, database.ask(work))


@asynccontextmanager
async def leased_run(
    context: SyncContext, integrations: Integrations, key: StreamKey, *, is_sync: bool = True
) -> AsyncIterator[RunContext]:
    """Hold the stream's lease for one run.

    The body works under ``heartbeat`` and then, when no beat can come any more, calls ``end_leased``. A run
    that raises ends as failed, one that is cancelled as stopped. Raises Busy where another runner has the
    stream, LeaseLost once another one has taken it over.
    """
    run = await context.database.write(
        lambda connection: _claim(connection, context, integrations, key, is_sync)
    )
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


def _claim(
    connection: Connection, context: SyncContext, integrations: Integrations, key: StreamKey, is_sync: bool
) -> RunContext:
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
    source = source_of(context, key, partial(read_refused, connection, streams.environment, key, now))
    return RunContext(context, integrations, lease, run_id, source, before, now, is_sync)


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
