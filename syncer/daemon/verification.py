"""Verification by the service: one stream after the other, as often as ``[verify] every`` says.

Nothing waits for it: its requests come after all others. The last result of each stream is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from sqlalchemy import Connection

from syncer.daemon.database_health import DATABASE_PAUSE, DatabaseHealth
from syncer.daemon.key_health import KeyHealth
from syncer.daemon.waiting import any_of
from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.errors import DatabaseError, KeyRefused, UsageError
from syncer.domain.stream_key import StreamKey
from syncer.domain.verification.difference import Difference, Verdict
from syncer.domain.verification.result import Verification
from syncer.process.log import Logger
from syncer.store.state.verifications import VerificationStore
from syncer.sync.context import SyncContext
from syncer.sync.verification.verify import verify_stream

log = Logger()

#: Seconds between two looks for a stream whose time has come.
LOOK_EVERY = 60.0
#: Lease of a stream that is verified: for how long a process that dies keeps others from it.
LEASE = timedelta(minutes=10)
#: Time after which one is tried again that could not be carried out.
RETRY = timedelta(hours=1)


class Verifier:
    """Verifications of one environment's streams. every: time between two of a stream; None: none."""

    def __init__(
        self,
        context: SyncContext,
        every: timedelta | None,
        stopping: asyncio.Event,
        database_health: DatabaseHealth,
        key_health: KeyHealth,
        *,
        look_every: float = LOOK_EVERY,
    ) -> None:
        self._context = context
        self._every = every
        self._stopping = stopping
        self._database_health = database_health
        self._key_health = key_health
        self._look_every = look_every
        self._store = VerificationStore(context.streams.environment, context.owner, LEASE)

    async def run(self) -> None:
        """Verify what is due, again and again, until stopping is set."""
        while not self._stopping.is_set():
            pause = self._look_every
            if self._every is not None and self._key_health.error is None:
                try:
                    verdict = await self._verify_next(self._every)
                    self._database_health.report_success("verification")
                    if verdict is not None and verdict is not Verdict.UNREAD:
                        pause = 0.0
                except DatabaseError as error:
                    self._database_health.report_failure("verification", error)
                    pause = min(DATABASE_PAUSE, pause)
            await any_of(self._stopping, seconds=pause)

    async def _verify_next(self, every: timedelta) -> Verdict | None:
        """Verify the stream that has waited the longest; None: none is due, or it was given up."""
        database, store = self._context.database, self._store

        def claim(connection: Connection) -> StreamKey | None:
            now = database.now(connection)
            store.forget_others(connection)
            lists = {*catalogue(), *self._context.added_lists}
            return store.claim(connection, lists, now, every=every, retry=min(every, RETRY))

        key = await database.write(claim)
        if key is None:
            return None
        try:
            async with self._heartbeat(key):
                found = await self._until_stopping(key)
        except BaseException:
            with suppress(DatabaseError):
                await database.write(lambda connection: store.free(connection, key))
            raise

        def keep(connection: Connection) -> None:
            if found is None:
                store.free(connection, key)
            else:
                store.store(connection, found, database.now(connection))

        await database.write(keep)
        if found is None:
            return None
        _log(found)
        return found.verdict

    async def _until_stopping(self, key: StreamKey) -> Verification | None:
        """Verify a stream; None where the service stops, or the key is refused, before it is through."""
        task = asyncio.create_task(verify_stream(self._context, key))
        stopped = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
            # It may be waiting for the limit; it has written nothing.
            return None if self._stopping.is_set() else task.result()
        except KeyRefused as error:
            self._key_health.report_refusal(error)
            return None
        except UsageError as error:
            environment = self._context.streams.environment
            return Verification(environment, key, Verdict.UNREAD, str(error))
        finally:
            for each in (task, stopped):
                each.cancel()
            await asyncio.gather(task, stopped, return_exceptions=True)

    @asynccontextmanager
    async def _heartbeat(self, key: StreamKey) -> AsyncIterator[None]:
        """Renew the lease every third of it while the body runs."""
        database, store = self._context.database, self._store

        async def beat() -> None:
            while True:
                await self._context.sleep(LEASE.total_seconds() / 3)
                # Without a renewal another process may begin the same, which harms nobody.
                with suppress(DatabaseError):
                    await database.write(
                        lambda connection: store.renew(connection, key, database.now(connection))
                    )

        beating = asyncio.create_task(beat())
        try:
            yield
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)


def _log(found: Verification) -> None:
    """Log what was found, loud where it is news for a person."""
    fields: dict[str, object] = {"integration": found.key.integration_id, "model": found.key.model}
    if found.verdict is Verdict.UNREAD:
        log.warning("verification_failed", error=found.reason, **fields)
        return
    fields["records"] = 0 if found.source is None else found.source.records
    if found.verdict.is_well:
        log.info("stream_verified", **fields)
        return
    differences = {each.value: found.findings.differences[each] for each in Difference}
    log.warning(
        "verification_differs",
        verdict=found.verdict.value,
        **fields,
        **{name: number for name, number in differences.items() if number},
    )
