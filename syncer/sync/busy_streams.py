"""Attempts on a stream that another runner has."""

from __future__ import annotations

from collections.abc import AsyncIterator

from syncer.sync.context import SyncContext

#: How often a busy stream is tried again, at most, within the length of one lease.
BUSY_TRIES = 20


async def busy_attempts(context: SyncContext) -> AsyncIterator[bool]:
    """Pace the attempts on a stream that another runner has, over the length of one lease.

    Gives True for the last one, also where the process is to stop.
    """
    pause = context.rules.lease.total_seconds() / BUSY_TRIES
    for _ in range(BUSY_TRIES - 1):
        yield context.stopping()
        await context.sleep(pause)
    yield True
