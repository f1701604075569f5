"""One run on one stream: take the lease, do the walks that are due, leave an outcome."""

from __future__ import annotations

import logging

from sqlalchemy import Connection

from syncer.domain.errors import Busy, LeaseLost
from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.decisions import backfill_outcome
from syncer.domain.streams.state import Outcome
from syncer.domain.streams.stream import Mode
from syncer.process.log import Logger
from syncer.store.state.health import health
from syncer.sync.claims import claim
from syncer.sync.context import Progress, Result, SyncContext
from syncer.sync.integrations import Integrations
from syncer.sync.lease import end_leased, heartbeat, held
from syncer.sync.run_context import RunContext
from syncer.sync.sources.lookup import source_of
from syncer.sync.walks import Walks

log = Logger()


async def run_stream(
    context: SyncContext,
    integrations: Integrations,
    key: StreamKey,
    *,
    mode: Mode,
    purpose: Purpose | None = None,
) -> Result:
    """Bring one stream up to date.

    purpose: that of its requests; by default the kind of walk decides. Whatever is wrong with the stream
    becomes the result's outcome. Raises KeyRefused, since nothing else can go on either, and DatabaseError.
    """
    result = await _skip_backfill(context, key) if mode is Mode.BACKFILL else None
    if result is None:
        try:
            run = await claim(context, integrations, key)
        except Busy:
            result = Result(key, Outcome.BUSY, error="Another runner works on this stream.")
        else:
            return await run_claimed(run, mode=mode, purpose=purpose)
    context.report(Progress(key, "ended", result.kind, result=result))
    return result


async def run_claimed(run: RunContext, *, mode: Mode, purpose: Purpose | None = None) -> Result:
    """Bring a stream up to date that is claimed for this run, as ``run_stream`` does."""
    result = await _run_leased(run, mode, purpose)
    run.context.report(Progress(run.key, "ended", result.kind, result=result))
    return result


async def _run_leased(run: RunContext, mode: Mode, purpose: Purpose | None) -> Result:
    key = run.key
    bound = log.bind(integration=key.integration_id, model=key.model, run=run.run_id)
    bound.debug("run_started", mode=mode.value)
    walks = Walks(run, mode, purpose)
    try:
        async with held(run):
            async with heartbeat(run):
                outcome, error = await walks.until_current()
            outcome, error, waited = await end_leased(
                run,
                outcome,
                error,
                changed=walks.counts.written > 0,
                pause=walks.pause,
                read_from=walks.read_from,
            )
    except LeaseLost:
        error = "Another runner has taken this stream over."
        result = Result(key, Outcome.BUSY, walks.counts, walks.pages, walks.kind, error)
        bound.warning("lease_lost", **_fields(result))
        return result
    result = Result(
        key, outcome, walks.counts, walks.pages, walks.kind, error, walks.is_table_unavailable, waited
    )
    _log_end(bound, run, result, is_refused=walks.is_refused)
    return result


def _log_end(bound: Logger, run: RunContext, result: Result, *, is_refused: bool) -> None:
    """Log the end of a run, loud where it is news; the refusal of an integration once for all its streams."""
    key, before, counts = run.key, run.before, result.counts
    is_well = result.outcome.is_well or result.outcome is Outcome.STOPPED
    is_new = (result.outcome, result.error) != (before.last_outcome, before.last_error)
    if is_well:
        run.integrations.forget_refusal(key.integration_id, before.last_error)
    elif is_refused and result.error is not None and is_new:
        run.integrations.log_refusal(key.integration_id, result.outcome, result.error)
    is_recovery = is_well and before.last_outcome is not None and not before.last_outcome.is_well
    is_loud = bool(counts.written or counts.quarantined) or is_recovery
    if not is_well and not is_refused:
        is_loud = is_new or result.outcome is Outcome.FAILED
    level = logging.DEBUG
    if is_loud:
        level = logging.INFO if is_well else logging.WARNING
    bound.log(level, "run_ended" if is_well else "run_failed", **_fields(result))


async def _skip_backfill(context: SyncContext, key: StreamKey) -> Result | None:
    """Give the result of a backfill that has nothing to do; None where it has to run."""

    def skip(connection: Connection) -> Result | None:
        stream = context.streams.find(connection, key)
        outcome = None if stream is None else backfill_outcome(stream, source_of(context, key).filters)
        found = health(connection, context.streams.environment, key)
        # What is incomplete though nothing of it is in quarantine is to be found out by a run.
        if outcome is None or (outcome is Outcome.INCOMPLETE and not found.quarantined):
            return None
        return Result(key, outcome, error=found.reason)

    return await context.database.ask(skip)


def _fields(result: Result) -> dict[str, object]:
    counts = result.counts
    fields: dict[str, object] = {"outcome": result.outcome.value}
    if result.error is not None:
        fields["error"] = result.error
    if result.waited is not None:
        fields["waited"] = round(result.waited.total_seconds(), 3)
    return fields | {
        "kind": result.kind.value if result.kind else None,
        "pages": result.pages,
        "created": counts.created,
        "updated": counts.updated,
        "unchanged": counts.unchanged,
        "deleted": counts.deleted,
        "restored": counts.restored,
        "quarantined": counts.quarantined,
    }
