"""The status page of a program on a real port, in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

from syncer.app import App
from syncer.daemon.telemetry import Telemetry
from syncer.daemon.web.server import listening, serving_pages
from syncer.domain.ratelimit.history import BudgetHistory


@contextmanager
def served(app: App, history: BudgetHistory | None = None) -> Iterator[str]:
    """Serve the pages of a program for as long as the block; their address, without a slash at its end."""
    ready = Future[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]]()

    async def serve() -> None:
        stop = asyncio.Event()
        with listening(app.settings.web) as listener:
            assert listener is not None
            telemetry = Telemetry()
            if history is not None:
                telemetry.budgets["default"] = history
            async with serving_pages(app, listener, telemetry=telemetry):
                ready.set_result((listener.getsockname()[1], asyncio.get_running_loop(), stop))
                await stop.wait()

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            if not ready.done():
                ready.set_exception(error)
            raise

    thread = threading.Thread(target=run, name="served pages")
    thread.start()
    try:
        port, loop, stop = ready.result()
        yield f"http://127.0.0.1:{port}"
        loop.call_soon_threadsafe(stop.set)
    finally:
        thread.join()
        app.database.close()
