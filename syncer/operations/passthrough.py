"""Call of a tool's own API."""

from __future__ import annotations

import asyncio

from syncer.app import App
from syncer.domain.native.call import Call
from syncer.domain.native.tools import check_call
from syncer.kombo.passthrough import NativeAnswer


async def passthrough(app: App, call: Call, integration_id: str, *, force: bool = False) -> NativeAnswer:
    """Call a tool's own API through Kombo, under the budget; give what the tool answered.

    The integration need not be mirrored. A status of 400 and above is an answer, too. force: send the
    call whatever is known of its API. Anything but a GET is sent once, and never again on a doubtful
    outcome.

    Raises UsageError for a call that goes against what is known, before anything is sent; Doubtful where
    the call may have been carried out, other KomboErrors where it was not; DatabaseError.
    """
    check_call(call, force=force)
    await asyncio.to_thread(app.migrate)
    async with app.open() as (context, _):
        return await context.client.passthrough(call, integration_id)
