"""Watch of a request budget: samples of the shared row, for the last hour that the status page shows.

The row counts for all processes and hosts that use the key; the samples are this process's memory, and begin
anew with it.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from sqlalchemy import Connection

from syncer.daemon.waiting import any_of
from syncer.domain.errors import DatabaseError
from syncer.domain.ratelimit.budget import Budget
from syncer.domain.ratelimit.history import BudgetHistory
from syncer.environments.environment import Environment
from syncer.store.state.budget import read_budget

#: Seconds between two samples: Kombo's windows last up to a minute.
SAMPLE_EVERY = 3.0


async def watch_budget(
    environment: Environment,
    history: BudgetHistory,
    stopping: asyncio.Event,
    *,
    sample_every: float = SAMPLE_EVERY,
) -> None:
    """Take samples of the budget of the environment's API key until stopping is set."""
    key = environment.key_fingerprint

    def sample(connection: Connection) -> tuple[Budget | None, float]:
        found = read_budget(connection, environment.name, key) if key else None
        return found, environment.database.now(connection).timestamp()

    while not stopping.is_set():
        if key != environment.key_fingerprint:
            key = environment.key_fingerprint
            history.use_key()
        # Who depends on the database reports its failure; here a minute remains unknown.
        with suppress(DatabaseError):
            history.note(*await environment.database.ask(sample))
        await any_of(stopping, seconds=sample_every)
