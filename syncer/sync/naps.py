"""Naps that an event ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


async def nap(sleep: Callable[[float], Awaitable[None]], seconds: float, woken: asyncio.Event) -> None:
    """Sleep so long, or until woken."""
    timer = asyncio.ensure_future(sleep(seconds))
    waking = asyncio.ensure_future(woken.wait())
    try:
        await asyncio.wait((timer, waking), return_when=asyncio.FIRST_COMPLETED)
    finally:
        timer.cancel()
        waking.cancel()
