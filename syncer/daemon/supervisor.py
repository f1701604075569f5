"""Supervision of the service's tasks: none outlives the others."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from syncer.domain.errors import SyncerError


async def supervise(stopping: asyncio.Event, *tasks: Coroutine[Any, Any, None]) -> None:
    """Run the tasks side by side. Each ends soon after stopping is set; the first that ends sets it.

    Raises the first error of a task, one for people before a fault.
    """

    async def run(task: Coroutine[Any, Any, None]) -> None:
        try:
            await task
        finally:
            stopping.set()

    ended = await asyncio.gather(*map(run, tasks), return_exceptions=True)
    errors = [error for error in ended if isinstance(error, BaseException)]
    if errors:
        raise next((error for error in errors if isinstance(error, SyncerError)), errors[0])
