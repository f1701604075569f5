"""Refresh of single records: some that a person names, or those in quarantine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from msgspec import Struct
from sqlalchemy import Connection

from syncer.domain.errors import Busy, UsageError
from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.deletions import batches
from syncer.domain.streams.state import Outcome
from syncer.store.state.quarantine import Entry, entries, forget_entries
from syncer.sync.busy_streams import busy_attempts
from syncer.sync.context import SyncContext
from syncer.sync.deletions.confirm import IdKind, Lookup, lookup
from syncer.sync.integrations import Integrations, must_be_offered
from syncer.sync.lease import end_leased, heartbeat, leased_run
from syncer.sync.page import write_looked_up
from syncer.sync.run_context import RunContext
from syncer.sync.sources.lookup import by_id


class Refreshed(Struct, frozen=True):
    """Effect of refreshing one record.

    asked: the id that was asked for, Kombo's or the tool's. id: Kombo's; None where Kombo does not know it.
    became: created, updated, unchanged, deleted, restored, quarantined, erased or unknown. reason: why it is
    in quarantine, or what of it is.
    """

    asked: str
    id: str | None
    became: str
    reason: str | None = None


async def refresh(
    context: SyncContext,
    integrations: Integrations,
    key: StreamKey,
    ids: Sequence[str],
    *,
    by: IdKind = "ids",
) -> list[Refreshed]:
    """Make these records of a stream as Kombo has them now; give the effect on each, in their order.

    Nothing is marked for being unknown: a full walk looks into that. Raises KomboError, Busy where another
    runner keeps the stream for longer than a lease, LeaseLost, DatabaseError.
    """

    async def attempt() -> list[Refreshed]:
        async with leased_run(context, integrations, key, is_sync=False) as run:
            refreshed: list[Refreshed] = []
            async with heartbeat(run):
                for batch in batches(dict.fromkeys(ids)):
                    refreshed += (await _look_up(run, batch, by))[1]
            await end_leased(run, Outcome.COMPLETE)
            return refreshed

    return await _when_free(context, attempt)


async def retry_quarantine(
    context: SyncContext, integrations: Integrations, key: StreamKey
) -> list[Refreshed]:
    """Look the stream's records in quarantine up again; give the effect on each.

    A record that Kombo does not know any more leaves it; one without an id stays until a full walk does not
    meet it again. Raises as ``refresh``.
    """

    async def attempt() -> list[Refreshed]:
        async with leased_run(context, integrations, key, is_sync=False) as run:
            async with heartbeat(run):
                refreshed = await _retry(run)
            await end_leased(run, Outcome.COMPLETE)
            return refreshed

    return await _when_free(context, attempt)


async def _when_free(
    context: SyncContext, attempt: Callable[[], Awaitable[list[Refreshed]]]
) -> list[Refreshed]:
    async for is_last in busy_attempts(context):
        try:
            return await attempt()
        except Busy:
            if is_last or context.stopping():
                raise
    raise AssertionError("the last attempt returns or raises")


async def _retry(run: RunContext) -> list[Refreshed]:
    stored = await run.read(lambda connection: entries(connection, run.environment, run.key))
    can_look_up = by_id(run.source) is not None
    named = [entry for entry in stored if entry.record_id is not None and can_look_up]
    refreshed = [
        Refreshed(entry.key, entry.record_id, "quarantined", entry.reason)
        for entry in stored
        if entry not in named
    ]
    for batch in batches(str(entry.record_id) for entry in named):
        answer, of_batch = await _look_up(run, batch, "ids")
        refreshed += of_batch
        missing = [entry for entry in named if entry.record_id in answer.unknown]
        await run.write(partial(_drop, run, missing))
    return refreshed


async def _look_up(run: RunContext, ids: Sequence[str], by: IdKind) -> tuple[Lookup, list[Refreshed]]:
    """Look records up and write what Kombo has."""
    source = by_id(run.source)
    if source is None:
        raise UsageError(f"{run.key.model} cannot be asked for its ids: its list has refused to be.")
    known = await run.integrations.known(run.key.integration_id, Purpose.WEBHOOK)
    must_be_offered(known, source.spec)
    answer = await lookup(source, ids, Purpose.WEBHOOK, by=by)
    return answer, await run.write(partial(_store, run, ids, answer, by))


def _drop(run: RunContext, missing: list[Entry], connection: Connection) -> None:
    run.fence(connection)
    forget_entries(connection, run.environment, run.key, [entry.key for entry in missing])


def _store(
    run: RunContext, asked: Sequence[str], answer: Lookup, by: IdKind, connection: Connection
) -> list[Refreshed]:
    """Write the records that Kombo has; give the effect on each that was asked for."""
    written = write_looked_up(run, answer.found, connection)
    reasons = {each.key: each.reason for each in entries(connection, run.environment, run.key)}
    found = {(each.id if by == "ids" else each.remote_id): each.id for each in answer.found.usable}
    refreshed = []
    for each in asked:
        record_id = found.get(each, each if by == "ids" else None)
        if each in answer.unknown:
            refreshed.append(Refreshed(each, None, "unknown"))
        elif record_id in written.effects:
            effect = written.effects[record_id].value
            refreshed.append(Refreshed(each, record_id, effect, reasons.get(record_id)))
        elif record_id in written.erased:
            refreshed.append(Refreshed(each, record_id, "erased"))
        else:
            refreshed.append(Refreshed(each, record_id, "quarantined", reasons.get(record_id or "")))
    return refreshed
