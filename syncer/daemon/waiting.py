"""Waiting for whichever comes first, and for all to end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from syncer.domain.errors import SyncerError


async def any_of(*events: asyncio.Event, seconds: float | None = None) -> None:
    """Wait until one of the events is set, for so many seconds at most."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


async def together(stopping: asyncio.Event, *sides: Coroutine[Any, Any, None]) -> None:
    """Run the sides of one service. Each ends soon after stopping is set; one that ends stops the others.

    Raises what a side has raised: an error for people before a fault, the first of several.
    """

    async def run(side: Coroutine[Any, Any, None]) -> None:
        try:
            await side
        finally:
            stopping.set()

    ended = await asyncio.gather(*map(run, sides), return_exceptions=True)
    errors = [error for error in ended if isinstance(error, BaseException)]
    if errors:
        raise next((error for error in errors if isinstance(error, SyncerError)), errors[0])
