"""Watch of the request budget: samples of the shared row, for the last hour that the status page shows.

The row counts for all processes and hosts that use the key; the samples are this process's memory, and begin
anew with it.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from sqlalchemy import Connection

from syncer.app import App
from syncer.daemon.waiting import any_of
from syncer.domain.errors import DatabaseError
from syncer.domain.ratelimit.budget import Budget
from syncer.domain.ratelimit.history import BudgetHistory
from syncer.store.state.budget import read_budget
from syncer.sync.permits import fingerprint

#: Seconds between two samples: Kombo's windows last up to a minute.
SAMPLE_EVERY = 3.0


async def watch_budget(
    app: App, history: BudgetHistory, stopping: asyncio.Event, *, sample_every: float = SAMPLE_EVERY
) -> None:
    """Take samples of the budget of the API key until stopping is set."""
    key = app.api_key

    def sample(connection: Connection) -> tuple[Budget | None, float]:
        found = read_budget(connection, app.streams.environment, fingerprint(key))
        return found, app.database.now(connection).timestamp()

    while not stopping.is_set():
        if key != app.api_key:
            key = app.api_key
            history.use_key()
        # Who depends on the database reports its failure; here a minute remains unknown.
        with suppress(DatabaseError):
            history.note(*await app.database.ask(sample))
        await any_of(stopping, seconds=sample_every)
