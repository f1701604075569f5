"""The simulator on a real socket, in the running event loop or in a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager

from syncer.http_server.limits import Limits
from syncer.http_server.server import serving
from syncer.simulator.server.api import simulator_app
from syncer.simulator.server.environment import Environment

#: Limits of what clients take of it. The API's own rate limit is ``environment.limit``.
LIMITS = Limits(connections=256, connections_per_second=2_000, body=4 * 1024 * 1024, requests_per_second=None)


@asynccontextmanager
async def running(environment: Environment, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve while the block runs and give the base URL, ``http://127.0.0.1:40123/v1``.

    Port 0 takes a free one. Raises OSError if the port is taken.
    """
    app = simulator_app(environment)
    with socket.create_server((host, port)) as listener:
        async with serving(app, listener, LIMITS, name="simulator", is_dated=False):
            yield f"http://{host}:{listener.getsockname()[1]}/v1"


async def serve(
    environment: Environment, host: str, port: int, on_ready: Callable[[str], object] | None = None
) -> None:
    """Serve until cancelled; on_ready is called with the base URL."""
    async with running(environment, host=host, port=port) as base_url:
        if on_ready is not None:
            on_ready(base_url)
        await asyncio.Event().wait()


@contextmanager
def running_in_thread(environment: Environment, *, port: int = 0) -> Iterator[str]:
    """Serve as ``running`` does, for callers without an event loop."""
    ready: Future[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def main() -> None:
        stop = asyncio.Event()
        async with running(environment, port=port) as base_url:
            ready.set_result((base_url, asyncio.get_running_loop(), stop))
            await stop.wait()

    def target() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error)

    thread = threading.Thread(target=target, name="simulator")
    thread.start()
    try:
        base_url, loop, stop = ready.result()
        try:
            yield base_url
        finally:
            loop.call_soon_threadsafe(stop.set)
    finally:
        thread.join()
