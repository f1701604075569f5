"""Work under a lease: it is renewed while the work lasts, waiting for a permit included."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

import structlog
from sqlalchemy import Connection

from syncer.domain.errors import DatabaseUnavailable
from syncer.store.state.streams import Lease
from syncer.sync.context import Engine

_T = TypeVar("_T")

log = structlog.get_logger("syncer")


async def while_leased(engine: Engine, lease: Lease, work: Coroutine[None, None, _T]) -> _T:
    """Do the work and renew the lease every third of it; raise LeaseLost once it is not ours any more."""
    every = engine.rules.lease.total_seconds() / 3

    def renew(connection: Connection) -> None:
        engine.streams.renew(connection, lease, engine.database.now(connection), engine.rules.lease)

    async def beat() -> None:
        while True:
            await engine.sleep(every)
            try:
                await engine.database.write(renew)
            except DatabaseUnavailable:
                # Whether the lease still holds shows when the next page is written.
                log.warning("lease_not_renewed", integration=lease.key.integration_id, model=lease.key.model)

    working, beating = asyncio.create_task(work), asyncio.create_task(beat())
    try:
        await asyncio.wait({working, beating}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            beating.result()
        return await working
    finally:
        working.cancel()
        beating.cancel()
        await asyncio.gather(working, beating, return_exceptions=True)
