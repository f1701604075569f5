"""Call of a tool's own API."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from syncer.app import App
from syncer.domain.native.call import Call
from syncer.domain.native.tools import check_call
from syncer.kombo.passthrough import NativeAnswer


async def passthrough(
    app: App, call: Call, integration_id: str, *, force: bool = False, environments: Sequence[str] = ()
) -> NativeAnswer:
    """Call a tool's own API through Kombo, under the budget; give what the tool answered.

    The integration need not be mirrored. A status of 400 and above is an answer, too. force: send the
    call whatever is known of its API. Anything but a GET is sent once, and never again on a doubtful
    outcome. environments: where the integration is looked for; of several, one must be known to have it.

    Raises UsageError for a call that goes against what is known, before anything is sent; Doubtful where
    the call may have been carried out, other KomboErrors where it was not; DatabaseError.
    """
    check_call(call, force=force)
    app.select(environments)
    await asyncio.to_thread(app.migrate)
    environment = await asyncio.to_thread(app.environment_of, integration_id, environments)
    async with environment.open() as (context, _):
        return await context.client.passthrough(call, integration_id)
