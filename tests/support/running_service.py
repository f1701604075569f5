"""The service in the loop of a test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from syncer.app import App
from syncer.daemon.service import run_service


@asynccontextmanager
async def running_service(app: App) -> AsyncIterator[App]:
    """Run the service until the end of the block, where it must end well."""
    running = asyncio.create_task(run_service(app, handle_signals=False))
    try:
        yield app
    finally:
        app.stopping.set()
        await running
