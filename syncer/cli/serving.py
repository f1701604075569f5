"""Commands that go on until they are told to stop, and log what they do."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from syncer.cli.session import Session
from syncer.cli.streams import drop_stalled_output

if TYPE_CHECKING:
    from syncer.app import App
    from syncer.config.settings import Settings

#: Seconds that a thread keeps the interpreter while others wait for it. Who is answered passes it to and fro
#: several times, and with Python's own 5 ms waits that long each time while pages are projected.
SWITCH_INTERVAL = 0.0005


def serve(session: Session, work: Callable[[App], Awaitable[None]], settings: Settings | None = None) -> None:
    """Do the work of a long-lived process until it ends; settings: other ones than the session's.

    Raises what the work raises.
    """
    from syncer.process.logging import flush_log

    async def serving() -> None:
        async with session.app(settings=settings, is_service=True) as app:
            await work(app)

    sys.setswitchinterval(SWITCH_INTERVAL)
    try:
        asyncio.run(serving())
    finally:
        # What is said from here on comes behind the log.
        if not flush_log():
            drop_stalled_output()
