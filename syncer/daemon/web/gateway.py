"""Gateway: Kombo's API for applications, from the mirror or forwarded, at ``/gateway/v1/``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial

from msgspec import Struct
from starlette.requests import ClientDisconnect
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from syncer.app import App
from syncer.daemon.calls import Calls
from syncer.daemon.web.gateway_call import (
    METHODS,
    GatewayCall,
    has_token,
    read_call,
    shown_integration,
    shown_path,
)
from syncer.daemon.web.gateway_errors import Refusal, refusal_of
from syncer.daemon.web.gateway_lists import GatewayLists
from syncer.daemon.web.spool import NoRoom, Spool, Spools
from syncer.domain.errors import DatabaseError, KomboError, RateLimited, UsageError
from syncer.domain.gateway.answer import Answered
from syncer.domain.gateway.headers import COMPLETE_AS_OF, MIRROR, Header, to_application
from syncer.domain.gateway.outcome import Outcome
from syncer.domain.gateway.target import PREFIX
from syncer.environments.environment import Opened
from syncer.http_server.protocol import ResponseBroken
from syncer.http_server.refusals import Refusals
from syncer.operations.forward import find_environment, forward, limit_headers
from syncer.operations.kept_out import CleanAnswers
from syncer.process.log import Logger

log = Logger()

#: Beginning of the paths that the gateway answers.
PATH = f"{PREFIX.decode()}/"
#: Word for the log where somebody has no token, or a wrong one.
WRONG_TOKEN = "wrong_token"


class _Seen(Struct):
    """Facts on a call for the log and the metrics, as they become known."""

    method: str
    path: str
    started: float
    integration: str | None = None
    status: int | None = None
    is_answered: bool = False
    outcome: Outcome = Outcome.GONE
    reason: str | None = None


class Gateway:
    """ASGI application that answers applications, which know its token and not Kombo's key.

    on_due: called when streams are due because of a write. count: told of the outcome of each call and the
    seconds that it took. patience: seconds that a call waits for the database.
    """

    def __init__(
        self,
        app: App,
        calls: Calls,
        *,
        on_due: Callable[[], None],
        count: Callable[[Outcome, float], None],
        patience: float,
    ) -> None:
        self._app = app
        self._settings = app.settings.gateway
        self._calls = calls
        self._lists = GatewayLists(self._settings, calls, patience)
        self._clean = CleanAnswers()
        self._on_due = on_due
        self._count = count
        self._room = Spools()
        self._refusals = Refusals("gateway")

    def routes(self) -> list[Route]:
        """Make its route; none where it is not enabled."""
        return [Route(PATH + "{path:path}", self)] if self._settings.enabled else []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call. Raises ClientDisconnect where nobody waits for the answer any more."""
        seen = _Seen(scope["method"], shown_path(scope), asyncio.get_running_loop().time())
        sent = partial(_send_seen, send, seen)
        spool = Spool(self._room)
        try:
            call, opened = await self._read(scope, receive, seen, spool)
        except Refusal as refusal:
            spool.close()
            seen.outcome = refusal.outcome
            await refusal.send(sent)
            self._tell(seen)
        except BaseException:
            spool.close()
            self._tell(seen)
            raise
        else:
            reply = self._calls.begin(self._reply(call, opened, spool, seen, sent))
            reply.add_done_callback(lambda _: spool.close())
            await self._until_answered(call, reply, seen, receive)

    async def _read(
        self, scope: Scope, receive: Receive, seen: _Seen, spool: Spool
    ) -> tuple[GatewayCall, Opened]:
        """Read a call and its body, and find its environment. Raises Refusal, ClientDisconnect."""
        if not has_token(scope["headers"], self._settings.token.get_secret_value()):
            raise Refusal.no_token()
        if scope["method"] not in METHODS:
            raise Refusal.wrong_method(METHODS)
        try:
            call = read_call(scope)
        except UsageError as error:
            raise Refusal.invalid(str(error)) from None
        seen.integration = shown_integration(call)
        opened = await self._environment(call)
        if call.has_body:
            try:
                await spool.read(receive)
            except NoRoom:
                raise Refusal.unavailable("There is no room for the body of the call.") from None
        return call, opened

    async def _environment(self, call: GatewayCall) -> Opened:
        """Find the open environment of a call. Raises Refusal."""
        if not self._calls.environments:
            raise Refusal.unavailable("The service is not ready yet, or about to end.")
        try:
            found = await asyncio.to_thread(
                find_environment, self._app, call.integration_id, call.environment
            )
        except UsageError as error:
            raise Refusal.invalid(str(error)) from None
        except DatabaseError:
            raise Refusal.unavailable("The database of the mirror cannot be used.") from None
        if found is None and call.integration_id is None:
            raise Refusal.no_environment()
        opened = None if found is None else self._calls.environments.get(found.name)
        if opened is None:
            raise Refusal.no_integration()
        return opened

    async def _until_answered(
        self, call: GatewayCall, reply: asyncio.Task[None], seen: _Seen, receive: Receive
    ) -> None:
        """Wait for the reply. Where the application goes before, a read is given up and a write goes on."""
        gone = asyncio.create_task(_gone(receive))
        try:
            await asyncio.wait({reply, gone}, return_when=asyncio.FIRST_COMPLETED)
            # Of an answer that is whole nobody waits for more; and an error of the reply is one of the call.
            if not reply.done() and not seen.is_answered:
                raise ClientDisconnect
            await asyncio.shield(reply)
        finally:
            gone.cancel()
            if call.is_read and not reply.done():
                reply.cancel()
                await asyncio.wait({reply})

    async def _reply(self, call: GatewayCall, opened: Opened, spool: Spool, seen: _Seen, send: Send) -> None:
        """Answer a call, whose body is there."""
        try:
            found = await self._lists.answer(opened.environment, call) if call.asks_mirror else None
            if isinstance(found, Answered):
                seen.outcome = Outcome.HIT
                await _send_whole(send, found.status, _hit_headers(found), found.body)
            else:
                seen.reason = None if found is None else found.reason
                await self._forward(call, opened, spool, seen, send)
        except (KomboError, DatabaseError) as error:
            await self._refuse(call, opened, error, seen, send)
        finally:
            self._tell(seen)

    async def _forward(
        self, call: GatewayCall, opened: Opened, spool: Spool, seen: _Seen, send: Send
    ) -> None:
        max_wait, request = self._settings.max_wait.total_seconds(), call.forwarded(spool)
        # Before anything is sent: where that cannot be told nothing is.
        kept_out = await self._lists.kept_out(opened, call)
        async with (
            forward(opened, request, max_wait, self._on_due) as given,
            self._clean.answering(request, given, kept_out) as answer,
        ):
            headers = [*to_application(answer.headers), (MIRROR, b"miss")]
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            async for piece in answer.pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
            seen.outcome = Outcome.MISS

    async def _refuse(
        self, call: GatewayCall, opened: Opened, error: KomboError | DatabaseError, seen: _Seen, send: Send
    ) -> None:
        """Answer a call with what went wrong. Raises ResponseBroken where an answer had begun."""
        if seen.status is not None:
            seen.outcome = Outcome.BROKEN
            raise ResponseBroken from None
        refusal = refusal_of(error, is_read=call.is_read)
        seen.outcome = refusal.outcome
        if isinstance(error, RateLimited):
            refusal.headers.update(await self._limit(opened, call))
        await refusal.send(send)

    async def _limit(self, opened: Opened, call: GatewayCall) -> Mapping[str, str]:
        try:
            return await asyncio.to_thread(
                limit_headers, opened.environment, may_use_reserve=not call.is_read
            )
        except DatabaseError:
            return {}

    def _tell(self, seen: _Seen) -> None:
        """Log and count a call that has ended."""
        seconds = asyncio.get_running_loop().time() - seen.started
        self._count(seen.outcome, seconds)
        if seen.outcome is Outcome.REFUSED:
            # Whoever has no token writes no line for each of his tries.
            self._refusals.count(WRONG_TOKEN)
            return
        tell = log.debug if seen.outcome is Outcome.HIT else log.info
        tell(
            "gateway_call",
            method=seen.method,
            path=seen.path,
            integration=seen.integration,
            status=seen.status,
            seconds=round(seconds, 3),
            outcome=seen.outcome.value,
            **({} if seen.reason is None else {"reason": seen.reason}),
        )


def _hit_headers(found: Answered) -> list[Header]:
    headers = [(b"content-type", b"application/json"), (MIRROR, b"hit")]
    if found.complete_as_of is not None:
        headers.append((COMPLETE_AS_OF, found.complete_as_of.isoformat().encode()))
    return headers


async def _send_whole(send: Send, status: int, headers: list[Header], body: bytes) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})


async def _send_seen(send: Send, seen: _Seen, message: Message) -> None:
    """Send a part of an answer, and note its status; names of headers are in lower case."""
    if message["type"] == "http.response.start":
        seen.status = message["status"]
        message = {**message, "headers": [(name.lower(), value) for name, value in message["headers"]]}
    seen.is_answered |= message["type"] == "http.response.body" and not message.get("more_body", False)
    await send(message)


async def _gone(receive: Receive) -> None:
    """Wait until the application has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
