"""One run on one stream: take the lease, do the walks that are due, leave an outcome."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from syncer.domain.errors import (
    KeyRefused,
    LeaseLost,
)
from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.scheduling.intervals import Seen, after_run
from syncer.domain.streams.decisions import (
    Mode,
    Outcome,
    Stream,
    is_backfilled,
    recheck,
)
from syncer.domain.streams.key import StreamKey
from syncer.store.state.runs import begin_run, end_run
from syncer.store.state.standing import standing
from syncer.store.state.streams import Lease
from syncer.sync.context import Engine, Progress, Result
from syncer.sync.integrations import Integrations
from syncer.sync.lease import while_leased
from syncer.sync.sources.lookup import source_of
from syncer.sync.walks import Run

log = structlog.get_logger("syncer")


#: What a backfill says of a stream in these states that has been read whole. In any other it runs, to find
#: out how the stream is now.
SETTLED = {"complete": Outcome.SKIPPED, "incomplete": Outcome.SKIPPED, "held": Outcome.HELD}


async def run_stream(
    engine: Engine,
    integrations: Integrations,
    key: StreamKey,
    *,
    mode: Mode,
    purpose: Purpose | None = None,
) -> Result:
    """Bring one stream up to date.

    purpose: what its requests are for; by default the kind of walk decides. Whatever is wrong with the stream
    becomes the result's outcome. Raises KeyRefused, since nothing else can go on either, and
    DatabaseUnavailable.
    """
    begun = await engine.database.write(lambda connection: _begin(connection, engine, key, mode))
    if isinstance(begun, Result):
        return _told(engine, begun)
    lease, run_id, stream, now = begun
    run = Run(engine, integrations, lease, run_id, source_of(engine, key), mode, purpose)
    bound = log.bind(integration=key.integration_id, model=key.model, run=run_id)
    bound.info("run_started", mode=mode.value)
    try:
        outcome, error = await while_leased(engine, lease, run.walks(stream, now))
        changed = run.counts.written > 0
        outcome, error = await _end(
            engine, lease, run_id, outcome, error, stream, changed=changed, again_in=run.again_in
        )
    except LeaseLost as lost:
        outcome, error = Outcome.BUSY, str(lost)
    except KeyRefused as refused:
        await _end(engine, lease, run_id, Outcome.FAILED, str(refused), stream)
        raise
    except asyncio.CancelledError:
        # Told to stop at once: the pages stored so far are kept, and nobody has to wait for the lease.
        await asyncio.shield(_end(engine, lease, run_id, Outcome.STOPPED, None, stream))
        raise
    result = Result(key, outcome, run.counts, run.pages, run.kind, error)
    tell = bound.info if outcome.is_well or outcome is Outcome.STOPPED else bound.warning
    tell("run_ended", **_shown(result))
    return _told(engine, result)


def _begin(
    connection: Connection, engine: Engine, key: StreamKey, mode: Mode
) -> tuple[Lease, str, Stream, datetime] | Result:
    """The lease and a run, or the result of not running at all."""
    streams = engine.streams
    stream = streams.get_or_add(connection, key)
    filters = source_of(engine, key).filters
    if mode is Mode.BACKFILL and is_backfilled(stream, filters) and stream.state in SETTLED:
        return Result(key, SETTLED[stream.state], error=standing(connection, streams.environment, key).said)
    now = engine.database.now(connection)
    lease = streams.claim(
        connection, key, owner=engine.owner, now=now, length=engine.rules.lease, is_dead=engine.is_dead
    )
    if lease is None:
        return Result(key, Outcome.BUSY, error="Another runner works on this stream.")
    run_id = engine.new_id()
    begin_run(connection, run_id, streams.environment, key, engine.owner, now)
    return lease, run_id, stream, now


async def _end(
    engine: Engine,
    lease: Lease,
    run_id: str,
    outcome: Outcome,
    error: str | None,
    before: Stream,
    *,
    changed: bool = False,
    again_in: timedelta | None = None,
) -> tuple[Outcome, str | None]:
    """Leave the outcome on the stream and on the run, and free the lease; gives what it is after all.

    before: the stream as it was when the run began; changed: whether it found anything to write; again_in:
    when to try again, where the outcome does not say it.
    """
    key = lease.key

    def leave(connection: Connection) -> tuple[Outcome, str | None]:
        now = engine.database.now(connection)
        # Waits for the last page of a run that was cancelled while it was being stored: what is read from
        # here on is what it has left.
        engine.streams.renew(connection, lease, now, engine.rules.lease)
        environment = engine.streams.environment
        now_it_is = standing(connection, environment, key)
        ended = now_it_is.outcome(outcome)
        stream = engine.streams.get(connection, *key)
        # Stopped with nothing unfinished, it is as its last walk has left it.
        is_settled = ended is Outcome.STOPPED and is_backfilled(stream, stream.filters)
        said = now_it_is.said if ended is Outcome.HELD else error
        failed = before.failures + 1 if ended is Outcome.FAILED else 0
        pause = again_in or recheck(ended, failed)
        engine.streams.release(
            connection,
            lease,
            state=stream.state if is_settled else now_it_is.state(ended),
            outcome=ended,
            error=said,
            failures=failed,
            now=now,
            due_at=None if pause is None else now + pause,
            seen=_seen(before, now, changed=changed) if outcome is Outcome.COMPLETE else None,
        )
        end_run(connection, run_id, ended, said, now)
        return ended, said

    return await engine.database.write(leave)


def _seen(before: Stream, now: datetime, *, changed: bool) -> Seen | None:
    """What is known of the stream's changes after a run; None where it was the first."""
    if before.complete_at is None:
        return None
    return after_run(before.seen, (now - before.complete_at).total_seconds(), changed=changed)


def _shown(result: Result) -> dict[str, object]:
    counts = result.counts
    shown: dict[str, object] = {
        "outcome": result.outcome.value,
        "kind": result.kind.value if result.kind else None,
        "pages": result.pages,
        "created": counts.created,
        "updated": counts.updated,
        "unchanged": counts.unchanged,
        "deleted": counts.deleted,
        "restored": counts.restored,
        "quarantined": counts.quarantined,
    }
    return shown if result.error is None else {**shown, "error": result.error}


def _told(engine: Engine, result: Result) -> Result:
    engine.report(Progress(result.key, "ended", result.kind, result=result))
    return result
