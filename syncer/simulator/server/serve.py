"""The simulator on a real socket, in the running event loop or in a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager

import uvicorn

from syncer.simulator.server.api import simulator_app
from syncer.simulator.server.environment import Environment


@asynccontextmanager
async def running(environment: Environment, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve while the block runs and give the base URL, ``http://127.0.0.1:40123/v1``.

    Port 0 takes a free one. Raises OSError if the port is taken.
    """
    listener = socket.create_server((host, port))
    server = _Server(environment)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await server.ready.wait()
        yield f"http://{host}:{listener.getsockname()[1]}/v1"
    finally:
        server.should_exit = True
        await task
        listener.close()


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


class _Server(uvicorn.Server):
    """uvicorn without its own Date header, signal handlers and logging."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(
            uvicorn.Config(
                simulator_app(environment),
                lifespan="off",
                log_config=None,
                access_log=False,
                workers=1,
                proxy_headers=False,
                date_header=False,
                server_header=False,
                timeout_graceful_shutdown=1,
            )
        )
        self.ready = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.ready.set()
