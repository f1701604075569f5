"""Posting to receivers: once, unless the service stops and the receiver takes its time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Protocol

from syncer.domain.deliveries.attempts import Answer

#: Length of a sender's lease: longer than any attempt takes.
LEASE = timedelta(seconds=60)
#: Seconds that a post gets to be answered when the service stops.
GRACE = 4.0


class Receiver(Protocol):
    """Receiver that messages are posted to."""

    async def post(self, body: str, headers: Mapping[str, str]) -> Answer:
        """Post a body once."""
        ...


async def post_until_stopped(
    receiver: Receiver, body: str, headers: Mapping[str, str], stopping: asyncio.Event
) -> Answer | None:
    """Post a body once; None where the service stops and no answer comes soon."""
    post = asyncio.create_task(receiver.post(body, headers))
    stop = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({post, stop}, return_when=asyncio.FIRST_COMPLETED)
        if not post.done():
            await asyncio.wait({post}, timeout=GRACE)
        return post.result() if post.done() else None
    finally:
        stop.cancel()
        post.cancel()
        with suppress(asyncio.CancelledError):
            await post
