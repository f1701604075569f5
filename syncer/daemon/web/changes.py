"""The change feed over HTTP: ``GET /changes`` as long poll or server-sent events, ``POST`` to acknowledge."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from syncer.app import App
from syncer.daemon.feed_watch import FeedWatch
from syncer.daemon.web.change_query import ChangeQuery, read_query
from syncer.daemon.web.change_reads import ChangeReads
from syncer.domain.errors import DatabaseError, UsageError
from syncer.operations.changes import check_feed
from syncer.store.reading.changes import FeedPage

#: Seconds of silence after which a comment shows that the stream of events lives.
KEEP_ALIVE = 15.0


class ChangePages:
    """Pages of the change feed for programs.

    most_waiting: requests that may wait for changes at once, so that others find a free connection. patience:
    seconds that a request waits for the database.
    """

    def __init__(self, app: App, watch: FeedWatch, *, most_waiting: int, patience: float) -> None:
        self._app = app
        self._reads = ChangeReads(app, patience)
        self._watch = watch
        self._most_waiting = most_waiting
        self._waiting = 0

    @property
    def route(self) -> Route:
        """The route of these pages."""
        return Route("/changes", self._answer, methods=["GET", "POST"])

    async def _answer(self, request: Request) -> Response:
        try:
            check_feed(self._app)
        except UsageError as error:
            return JSONResponse({"error": str(error)}, status_code=404)
        try:
            query = read_query(self._app, request)
            match request.method:
                case "POST":
                    return await self._acknowledge(query)
                case "GET" if query.is_stream:
                    return await self._stream(query)
                case "GET":
                    return await self._poll(request, query)
                case _:
                    raise HTTPException(405, "Changes are read by GET.", {"Allow": "GET, POST"})
        except UsageError as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        except HTTPException as error:
            return JSONResponse({"error": error.detail}, error.status_code, error.headers)

    async def _acknowledge(self, query: ChangeQuery) -> Response:
        consumer, sequence = query.consumer, query.after
        if consumer is None or sequence is None:
            raise UsageError("To acknowledge takes both: consumer=NAME and after=N.")
        number = await self._reads.acknowledge(consumer, sequence)
        return JSONResponse({"consumer": consumer, "sequence": number})

    async def _poll(self, request: Request, query: ChangeQuery) -> Response:
        """Answer with changes as soon as there are some, or with none at the end of the wait."""
        loop = asyncio.get_running_loop()
        until = loop.time() + query.wait
        page, body = await self._reads.begin(query)
        if query.wait and not page.changes and page.lost is None:
            self._check_room()
            with self._counted():
                while not page.changes and loop.time() < until and not self._app.stopping.is_set():
                    if not page.is_last or await self._wait(request, page.next, until - loop.time()):
                        page, body = await self._reads.read(query, page.next)
        return Response(body, media_type="application/json")

    async def _stream(self, query: ChangeQuery) -> Response:
        """Answer with events without end: what is there, and what comes."""
        self._check_room()
        # What is wrong is still told by the status.
        page, body = await self._reads.begin(query)

        async def write(request: Request, send: Send) -> None:
            gone = asyncio.create_task(_gone(request))
            try:
                with self._counted():
                    await self._write_events(query, page, body, send, gone)
            finally:
                gone.cancel()

        return _EventStream(write)

    async def _write_events(
        self, query: ChangeQuery, page: FeedPage, body: bytes, send: Send, gone: asyncio.Task[None]
    ) -> None:
        while not gone.done():
            await send({"type": "http.response.body", "body": body, "more_body": True})
            is_news = not page.is_last or await self._wait_beyond(page.next, KEEP_ALIVE, gone)
            if self._app.stopping.is_set():
                break
            if not is_news:
                body = b": nothing new\n\n"
                continue
            try:
                page, body = await self._reads.read(query, page.next)
            except (DatabaseError, UsageError):
                # The client comes back where it was, and is told by the status then.
                break
        await send({"type": "http.response.body", "body": b""})

    async def _wait(self, request: Request, sequence: int, seconds: float) -> bool:
        """Wait for a change behind a number; tell whether one came. Raises ClientDisconnect."""
        gone = asyncio.create_task(_gone(request))
        try:
            is_news = await self._wait_beyond(sequence, seconds, gone)
        finally:
            gone.cancel()
        if gone.done() and not is_news:
            raise ClientDisconnect
        return is_news

    async def _wait_beyond(self, sequence: int, seconds: float, gone: asyncio.Task[None]) -> bool:
        """Wait for a change behind a number, for so many seconds, until the client has gone or the end."""
        news = asyncio.create_task(self._watch.wait_beyond(sequence))
        stop = asyncio.create_task(self._app.stopping.wait())
        try:
            await asyncio.wait({news, stop, gone}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            return news.done()
        finally:
            news.cancel()
            stop.cancel()

    def _check_room(self) -> None:
        """Raise HTTPException where as many requests wait as may."""
        if self._waiting >= self._most_waiting:
            raise HTTPException(
                503,
                f"{self._waiting} requests wait for changes, as many as may: come later, or without wait.",
                {"Retry-After": "5"},
            )

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """Count a request that waits, while it does."""
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1


async def _gone(request: Request) -> None:
    """Wait until the client has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


class _EventStream(Response):
    """Response that is written event by event."""

    media_type = "text/event-stream"

    def __init__(self, write: Callable[[Request, Send], Awaitable[None]]) -> None:
        # A proxy that collects what it passes on would keep events back.
        super().__init__(headers={"X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._write = write

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the head, and then what the writer sends."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await self._write(Request(scope, receive), send)
