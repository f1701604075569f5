"""Single records, fetched now: some that a person names, or those in quarantine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection

from syncer.domain.catalogue.lookup import model_named
from syncer.domain.errors import Busy, DatabaseError, LeaseLost, SyncerError
from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.streams.decisions import Outcome
from syncer.domain.streams.deletions import batches
from syncer.store.state.quarantine import Entry, entries, forget_entries
from syncer.store.state.runs import begin_run, end_run
from syncer.store.state.standing import standing
from syncer.store.state.streams import Key, Lease
from syncer.sync.context import Engine
from syncer.sync.deletions.confirm import Answer, By, ask_for
from syncer.sync.integrations import Integrations, must_be_offered
from syncer.sync.lease import while_leased
from syncer.sync.page import write_asked
from syncer.sync.run_all import BUSY_LOOKS
from syncer.sync.sources.kombo_list import KomboListSource
from syncer.sync.sources.lookup import by_id, source_of

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one record.

    asked: the id that was asked for, Kombo's or the tool's. id: Kombo's; None where Kombo does not know it.
    became: created, updated, unchanged, deleted, restored, quarantined or unknown. reason: why it is in
    quarantine, or what of it is.
    """

    asked: str
    id: str | None
    became: str
    reason: str | None = None


async def refresh(
    engine: Engine,
    integrations: Integrations,
    key: Key,
    ids: Sequence[str],
    *,
    by: By = "ids",
) -> list[Fate]:
    """Make these records of a stream as Kombo has them now; gives what became of each, in their order.

    Nothing is marked for being unknown: a full walk looks into that. Raises KomboError, Busy where another
    runner keeps the stream for longer than a lease, LeaseLost, DatabaseError.
    """

    async def work(lease: Lease, run_id: str) -> list[Fate]:
        source = KomboListSource(engine, model_named(key[1]), key[0])
        must_be_offered(await integrations.known(key[0], Purpose.WEBHOOK), source.listed)
        fates: list[Fate] = []
        for batch in batches(dict.fromkeys(ids)):
            answer = await ask_for(source, batch, Purpose.WEBHOOK, by=by)
            keep = partial(_keep, engine, lease, run_id, source, batch, answer, by)
            fates += await engine.database.write(keep)
        return fates

    return await _with_stream(engine, key, work)


async def retry_quarantine(engine: Engine, integrations: Integrations, key: Key) -> list[Fate]:
    """Ask Kombo again for the stream's records that are in quarantine; gives what became of each.

    A record that Kombo does not know any more leaves it; one without an id stays until a full walk does not
    meet it again. Raises as ``refresh``.
    """

    async def work(lease: Lease, run_id: str) -> list[Fate]:
        source = by_id(source_of(engine, key))
        environment = engine.streams.environment
        held_back = await engine.database.ask(lambda connection: entries(connection, environment, key))
        named = [entry for entry in held_back if entry.record_id is not None and source is not None]
        fates = [
            Fate(entry.key, entry.record_id, "quarantined", entry.reason)
            for entry in held_back
            if entry not in named
        ]
        if source is None or not named:
            return fates
        must_be_offered(await integrations.known(key[0], Purpose.WEBHOOK), source.listed)
        for batch in batches(str(entry.record_id) for entry in named):
            answer = await ask_for(source, batch, Purpose.WEBHOOK)
            keep = partial(_keep, engine, lease, run_id, source, batch, answer, "ids")
            fates += await engine.database.write(keep)
            gone = [entry for entry in named if entry.record_id in answer.unknown]
            await engine.database.write(partial(_drop, engine, lease, key, gone))
        return fates

    return await _with_stream(engine, key, work)


def _drop(engine: Engine, lease: Lease, key: Key, gone: list[Entry], connection: Connection) -> None:
    engine.streams.renew(connection, lease, engine.database.now(connection), engine.rules.lease)
    forget_entries(connection, engine.streams.environment, key, [entry.key for entry in gone])


async def _with_stream(
    engine: Engine, key: Key, work: Callable[[Lease, str], Coroutine[None, None, list[_T]]]
) -> list[_T]:
    """Do the work under the stream's lease, as a run of its own that leaves the stream's progress alone."""
    lease, run_id = await _claimed(engine, key)
    try:
        done = await while_leased(engine, lease, work(lease, run_id))
    except BaseException as error:
        outcome = Outcome.FAILED if isinstance(error, SyncerError) else Outcome.STOPPED
        said = str(error) if isinstance(error, SyncerError) else None
        with suppress(LeaseLost, DatabaseError):
            await asyncio.shield(engine.database.write(partial(_end, engine, lease, run_id, outcome, said)))
        raise
    await engine.database.write(partial(_end, engine, lease, run_id, Outcome.COMPLETE, None))
    return done


async def _claimed(engine: Engine, key: Key) -> tuple[Lease, str]:
    """The stream's lease and a run; another runner is waited for, for at most one lease. Raises Busy."""

    def claim(connection: Connection) -> tuple[Lease, str] | None:
        engine.streams.add(connection, [key])
        now, run_id = engine.database.now(connection), engine.new_id()
        lease = engine.streams.claim(
            connection,
            key,
            owner=engine.owner,
            now=now,
            length=engine.rules.lease,
            is_dead=engine.is_dead,
            answers=False,
        )
        if lease is None:
            return None
        begin_run(connection, run_id, engine.streams.environment, key, engine.owner, now)
        return lease, run_id

    pause = engine.rules.lease.total_seconds() / BUSY_LOOKS
    for look in range(BUSY_LOOKS):
        if look:
            await engine.sleep(pause)
        claimed = await engine.database.write(claim)
        if claimed is not None:
            return claimed
    raise Busy(f"Another runner works on {key[1]} of {key[0]}: try again when it is through.")


def _end(
    engine: Engine, lease: Lease, run_id: str, outcome: Outcome, error: str | None, connection: Connection
) -> None:
    key, environment = (lease.integration_id, lease.model), engine.streams.environment
    now = engine.database.now(connection)
    # Waits for what a cancelled caller is still writing, as at the end of a run.
    engine.streams.renew(connection, lease, now, engine.rules.lease)
    stream = engine.streams.get(connection, *key)
    # Only what is held or in quarantine may be another now; how the last run went stays as it was.
    is_settled = stream.last_outcome in {Outcome.COMPLETE, Outcome.HELD} and stream.walk is None
    state = standing(connection, environment, key).state() if is_settled else stream.state
    end_run(connection, run_id, outcome, error, now)
    engine.streams.free(connection, lease, state)


def _keep(
    engine: Engine,
    lease: Lease,
    run_id: str,
    source: KomboListSource,
    asked: Sequence[str],
    answer: Answer,
    by: By,
    connection: Connection,
) -> list[Fate]:
    """Write what Kombo served, and say what became of each record that was asked for."""
    written = write_asked(connection, engine, lease, run_id, source, answer.records)
    key = lease.integration_id, lease.model
    reasons = {each.key: each.reason for each in entries(connection, engine.streams.environment, key)}
    told = {(each.id if by == "ids" else each.remote_id): each.id for each in answer.records.usable}
    fates = []
    for each in asked:
        record_id = told.get(each, each if by == "ids" else None)
        if each in answer.unknown:
            fates.append(Fate(each, None, "unknown"))
        elif record_id in written.effects:
            effect = written.effects[record_id].value
            fates.append(Fate(each, record_id, effect, reasons.get(record_id)))
        else:
            fates.append(Fate(each, record_id, "quarantined", reasons.get(record_id or "")))
    return fates
