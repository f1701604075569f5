"""The server: it answers while a block runs, and ends within a second or two after it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import uvicorn
from starlette.types import ASGIApp
from uvicorn.server import ServerState

from syncer.http_server.acceptor import Acceptor
from syncer.http_server.limits import Limits, connections_within, descriptors
from syncer.http_server.protocol import HttpConnection, Shared
from syncer.http_server.refusals import Refusals
from syncer.http_server.turns import Turns

#: Seconds that requests under way have at the end.
GRACE = 1.0


@asynccontextmanager
async def serving(
    app: ASGIApp, listener: socket.socket, limits: Limits, *, name: str, is_dated: bool = True
) -> AsyncIterator[None]:
    """Serve while the block runs, within limits.

    listener: a bound socket, which the caller closes. name: of the server, for the log. is_dated: False where
    the application dates its responses.
    """
    config = uvicorn.Config(
        app,
        http=HttpConnection,
        ws="none",
        lifespan="off",
        log_config=None,
        # What clients do wrong is counted instead.
        log_level="error",
        access_log=False,
        # Else variables for programs with several workers, or behind a proxy, would be read.
        workers=1,
        proxy_headers=False,
    )
    config.load()
    state, refusals = ServerState(), Refusals(name)
    acceptor = Acceptor(
        listener,
        connections_within(limits.connections, descriptors()),
        limits.connections_per_second,
        refusals,
    )
    shared = Shared(
        config=config,
        state=state,
        limits=limits,
        refusals=refusals,
        turns=None if limits.requests_per_second is None else Turns(limits.requests_per_second),
        is_dated=is_dated,
        is_crowded=acceptor.is_crowded,
        closed=acceptor.release,
    )
    acceptor.start(lambda peer: HttpConnection(shared, peer))
    try:
        yield
    finally:
        await _stop(acceptor, state)
        refusals.close()


async def _stop(acceptor: Acceptor, state: ServerState) -> None:
    """Let the requests under way end, if they do so soon; clients are not waited for."""
    acceptor.stop()
    with suppress(TimeoutError):
        async with asyncio.timeout(GRACE):
            await acceptor.all_closed.wait()
    for connection in acceptor.connections:
        connection.abort()
    tasks = list(state.tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await acceptor.all_closed.wait()
