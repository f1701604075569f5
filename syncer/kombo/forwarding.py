"""Forward requests of applications under the budget: sent as they came, answered as the answer comes.

A request other than a read is sent once. It is sent again only after a 429, which says that nothing was done.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from syncer.domain.errors import ConcurrencyLimited, Doubtful, KomboError, RateLimited
from syncer.domain.gateway.forwarding import ForwardedAnswer, ForwardedRequest
from syncer.domain.limits import MOST_ERROR_BYTES
from syncer.domain.ratelimit.budget import Permit
from syncer.domain.ratelimit.sent import Sent
from syncer.kombo.connections import Connections
from syncer.kombo.errors import RequestInfo, error_from_response
from syncer.kombo.headers import read_rate
from syncer.kombo.reachability import Reachability
from syncer.kombo.request import RateLimiter
from syncer.kombo.retry import CONCURRENCY_BACKOFF, LONGEST_BACKOFF
from syncer.kombo.streamed import StreamedResponse

#: Seconds of silence that are borne: as many as Kombo's own SDKs bear (Python SDK 1.4.0), for a write that a
#: slow tool takes its time with.
LONGEST_SILENCE = 300.0
#: Times that a read goes out where the connection breaks before an answer begins.
READ_TRIES = 2
#: Seconds that a permit is waited for at least: to take one takes a transaction, also where nobody waits.
LEAST_WAIT = 1.0

_TOO_MANY = 429


class Forwarder:
    """Sender of applications' requests, by the connections, the key and the permits of one environment."""

    def __init__(
        self,
        connections: Connections,
        permits: RateLimiter,
        reachability: Reachability,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        random: Callable[[], float],
        on_sent: Callable[[Sent], None],
    ) -> None:
        self._connections = connections
        self._permits = permits
        self._reachability = reachability
        self._clock = clock
        self._sleep = sleep
        self._random = random
        self._on_sent = on_sent

    @asynccontextmanager
    async def answering(self, request: ForwardedRequest, max_wait: float) -> AsyncIterator[ForwardedAnswer]:
        """Send a request and give Kombo's answer; a 429 only where max_wait (seconds) is not long enough.

        Raises RateLimited where no permit came within max_wait, Doubtful where nobody knows whether a write
        was carried out, another KomboError where it was not; DatabaseError.
        """
        until = self._clock() + max_wait
        refusals = tries = 0
        while True:
            permit = await self._permit(request, until - self._clock())
            async with AsyncExitStack() as stack:
                try:
                    response = await self._send(request, permit, stack)
                except KomboError as error:
                    tries += 1
                    if request.is_read and not error.unsent and tries < READ_TRIES:
                        continue
                    raise _told(request, error) from None
                if response.status != _TOO_MANY:
                    self._permits.answered(permit, read_rate(response.headers))
                    self._on_sent(Sent(request.purpose, response.status))
                    yield _answer(response)
                    return
                refusals += 1
                needed, backoff = await self._refused(request, response, permit, refusals)
                if self._clock() + needed >= until:
                    yield _answer(response)
                    return
            await self._sleep(backoff)

    async def _permit(self, request: ForwardedRequest, seconds: float) -> Permit:
        try:
            async with asyncio.timeout(max(seconds, LEAST_WAIT)):
                return await self._permits.permit(request.purpose, request.integration_id, None, first=True)
        except TimeoutError:
            error = RateLimited(
                "The request limit of the API key is used up; nothing was sent: try again after its reset.",
                integration_id=request.integration_id,
            )
            error.unsent = True
            raise error from None

    async def _send(
        self, request: ForwardedRequest, permit: Permit, stack: AsyncExitStack
    ) -> StreamedResponse:
        try:
            response = await stack.enter_async_context(
                self._connections.stream(
                    request.method,
                    request,
                    target=request.target,
                    headers=request.headers,
                    content=None if request.content is None else request.content.pieces(),
                    length=0 if request.content is None else request.content.size,
                    silence=LONGEST_SILENCE,
                )
            )
        except BaseException:
            self._permits.answered(permit, None)
            self._on_sent(Sent(request.purpose, None))
            raise
        self._reachability.report_answer()
        return response

    async def _refused(
        self, request: ForwardedRequest, response: StreamedResponse, permit: Permit, refusals: int
    ) -> tuple[float, float]:
        """Report a 429; give the seconds until the request can pass, and those of them to sleep."""
        about = RequestInfo(f"{request.method} {request.path}", request.integration_id)
        error = error_from_response(
            response.status, response.headers, await response.peek(MOST_ERROR_BYTES), about
        )
        rate, is_of_key = read_rate(response.headers), isinstance(error, RateLimited)
        self._on_sent(Sent(request.purpose, response.status, is_of_key))
        if isinstance(error, RateLimited):
            self._permits.refused(permit, rate, error.reset)
            # The next permit comes after the reset; who cannot wait so long need not wait at all.
            return error.reset or 0.0, 0.0
        self._permits.answered(permit, rate)
        least = CONCURRENCY_BACKOFF if isinstance(error, ConcurrencyLimited) else 0.0
        bound = min(CONCURRENCY_BACKOFF * 2**refusals, LONGEST_BACKOFF)
        backoff = max(self._random() * bound, least)
        return backoff, backoff


def _answer(response: StreamedResponse) -> ForwardedAnswer:
    return ForwardedAnswer(response.status, response.raw_headers, response.pieces())


def _told(request: ForwardedRequest, error: KomboError) -> KomboError:
    """Make of an error what is known of a request without an answer."""
    if request.is_read or error.unsent:
        return error
    return Doubtful(
        f"{str(error).rstrip('.')}. The {request.method} may have been carried out all the same: look before"
        " you send it again.",
        code=error.code,
        status=error.status,
        integration_id=error.integration_id,
    )
