"""The environment of a program that has one alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from syncer.app import App
from syncer.environments.environment import Environment
from syncer.sync.context import SyncContext
from syncer.sync.integrations import Integrations


def alone(app: App) -> Environment:
    """Give the program's only environment."""
    (environment,) = app.environments.values()
    return environment


@asynccontextmanager
async def ready(app: App) -> AsyncIterator[tuple[SyncContext, Integrations]]:
    """Make the database ready for runs, and open the client of the only environment."""
    await app.prepare()
    async with alone(app).open() as opened:
        yield opened
