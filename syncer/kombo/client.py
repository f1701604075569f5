"""HTTP client of Kombo: take a permit, send, read, retry what is transient."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from traceback import clear_frames
from types import TracebackType
from typing import Self, TypeVar

from msgspec.structs import replace

from syncer.domain.catalogue.model import Model
from syncer.domain.errors import AnswerTooLarge, KomboError, RateLimited, Transient, UnreadableAnswer
from syncer.domain.limits import MOST_VALUES, in_mib, too_many_values
from syncer.domain.native.call import Call
from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.ratelimit.sent import Sent
from syncer.kombo.concurrency import Slots
from syncer.kombo.connections import CONNECT_TIMEOUT, Connections, Response, Transport
from syncer.kombo.forwarding import Forwarder
from syncer.kombo.headers import read_rate
from syncer.kombo.integrations import (
    KEY_CHECK_PATH,
    Integration,
    integration_path,
    read_integration,
    read_key_check,
)
from syncer.kombo.lists import Page, list_params, read_page
from syncer.kombo.passthrough import NativeAnswer, doubtful, native_request
from syncer.kombo.reachability import Reachability
from syncer.kombo.request import RateLimiter, Request
from syncer.kombo.retry import send_with_retries

#: Bytes of a body from which on it is read in a thread, so that nothing else has to wait for it.
LARGE = 64 * 1024

T = TypeVar("T")


class Client:
    """HTTP client of Kombo's API with one key and one connection pool.

    timeout: seconds of silence while reading; connect_timeout: seconds to connect, where timeout is not
    shorter; connections: size of the pool; version: of this program, for the User-Agent. clock gives
    monotonic seconds, sleep waits that many, random gives 0 <= x < 1. transport replaces the network. slots:
    by integration, shared with other clients of the process. environ: variables that may name a proxy and the
    certificates to trust. on_sent: told of each attempt at its end.

    All methods raise KomboErrors once attempts are used up; UsageError for a key or an address that cannot
    be sent, or variables that cannot be followed. No message holds the key, whatever the server writes.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        permits: RateLimiter,
        timeout: float,
        connections: int,
        version: str,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        random: Callable[[], float],
        connect_timeout: float = CONNECT_TIMEOUT,
        transport: Transport | None = None,
        slots: defaultdict[str, Slots] | None = None,
        environ: Mapping[str, str] = {},
        on_sent: Callable[[Sent], None] = lambda _: None,
    ) -> None:
        self._permits = permits
        self._on_sent = on_sent
        self._clock = clock
        self._sleep = sleep
        self._random = random
        self._slots = defaultdict(Slots) if slots is None else slots
        self.reachability = Reachability(clock)
        self._connections = Connections(
            base_url=base_url,
            api_key=api_key,
            timeout=timeout,
            connect_timeout=connect_timeout,
            connections=connections,
            version=version,
            transport=transport,
            environ=environ,
        )
        self._hide = self._connections.hide
        #: For requests of applications.
        self.forwarder = Forwarder(
            self._connections,
            permits,
            self.reachability,
            clock=clock,
            sleep=sleep,
            random=random,
            on_sent=on_sent,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._connections.__aexit__(kind, error, trace)

    def use_key(self, api_key: str) -> None:
        """Send another key from now on. Raises UsageError for one that cannot be sent."""
        self._connections.use_key(api_key)

    async def list_page(
        self,
        model: Model,
        integration_id: str,
        *,
        purpose: Purpose,
        page_size: int,
        updated_after: str | None = None,
        cursor: str | None = None,
        filters: Mapping[str, str] | None = None,
        ids: Sequence[str] | None = None,
        remote_ids: Sequence[str] | None = None,
    ) -> Page:
        """Fetch a page of a model's list; with a cursor, repeat everything else. Raises as list_params."""
        params = list_params(
            model,
            page_size=page_size,
            updated_after=updated_after,
            cursor=cursor,
            filters=filters,
            ids=ids,
            remote_ids=remote_ids,
        )
        request = Request(
            path=model.path,
            read=partial(
                read_page,
                integration_id=integration_id,
                model_name=model.name,
                has_cursor=cursor is not None,
                hide=self._hide,
                unsure=model.features.unsure.intersection(params),
            ),
            purpose=purpose,
            integration_id=integration_id,
            model_name=model.name,
            headers={b"X-Integration-Id": integration_id.encode()},
            params=params,
        )
        page, duration = await self._request(request)
        return replace(page, duration=duration)

    async def integration(self, integration_id: str, *, purpose: Purpose) -> Integration:
        """Fetch an integration, with the availability of its models."""
        read = partial(read_integration, integration_id=integration_id, hide=self._hide)
        integration, _ = await self._request(
            Request(integration_path(integration_id), read, purpose, integration_id)
        )
        return integration

    async def check_key(self, *, purpose: Purpose) -> str:
        """Fetch the id of the environment that the key opens."""
        read = partial(read_key_check, hide=self._hide)
        environment_id, _ = await self._request(Request(KEY_CHECK_PATH, read, purpose))
        return environment_id

    async def passthrough(self, call: Call, integration_id: str) -> NativeAnswer:
        """Make a call of the tool's own API; its answer is given even where it is an error of the tool's.

        A GET is retried as lists are; anything else only where it certainly was not carried out. Raises
        Doubtful where nobody knows.
        """
        request = native_request(call, integration_id, self._slots[integration_id], self._hide, quotes=True)
        try:
            return (await self._request(request))[0]
        except (Transient, UnreadableAnswer) as error:
            raise doubtful(error, call) from None

    async def native_list(
        self,
        call: Call,
        integration_id: str,
        name: str,
        read: Callable[[NativeAnswer], T],
        *,
        purpose: Purpose,
    ) -> tuple[T, NativeAnswer, float]:
        """Fetch a page of a native list: what read makes of the answer, that itself, and the seconds it took.

        name: of the native list. read may raise Transient, so that the call is retried.
        """
        request = native_request(call, integration_id, self._slots[integration_id], self._hide)

        (value, answer), duration = await self._request(request.listing(read, purpose, name))
        return value, answer, duration

    async def _request(self, request: Request[T]) -> tuple[T, float]:
        """Send a request; give the value read and the seconds that the successful attempt took."""
        return await send_with_retries(
            request,
            partial(self._attempt, request),
            self.reachability,
            sleep=self._sleep,
            random=self._random,
        )

    async def _attempt(self, request: Request[T]) -> tuple[T, float]:
        try:
            return await self._send(request)
        except KomboError as error:
            _release_bodies(error)
            raise

    async def _send(self, request: Request[T]) -> tuple[T, float]:
        permit = await self._permits.permit(request.purpose, request.integration_id, request.model_name)
        async with AsyncExitStack() as large:
            try:
                started = self._clock()
                response = await self._connections.send(request, large)
                duration = self._clock() - started
            except BaseException:
                self._permits.answered(permit, None)
                self._on_sent(Sent(request.purpose, None))
                raise
            self.reachability.report_answer()
            rate, is_refused = read_rate(response.headers), False
            try:
                value = await self._read(request, response)
            except RateLimited as error:
                self._permits.refused(permit, rate, error.reset)
                is_refused = True
                raise
            except BaseException:
                self._permits.answered(permit, rate)
                raise
            finally:
                self._on_sent(Sent(request.purpose, response.status, is_refused))
        self._permits.answered(permit, rate)
        return value, duration

    async def _read(self, request: Request[T], response: Response) -> T:
        """Read a response, a large one in a thread."""

        def read() -> T:
            if too_many_values(response.body, "{[,"):
                most = f"{MOST_VALUES:,} values, the most that is read"
                self._connections.fail(AnswerTooLarge, request, f"it has more than {most}")
            return request.read(response.status, response.headers, response.body)

        try:
            return read() if len(response.body) < LARGE else await asyncio.to_thread(read)
        except MemoryError:
            size = in_mib(len(response.body))
            self._connections.fail(AnswerTooLarge, request, f"memory is too short to read its {size}")


def _release_bodies(error: BaseException | None) -> None:
    """Release what the frames of an error hold: a body is large, and tasks keep their errors for a while."""
    while error is not None:
        clear_frames(error.__traceback__)
        error = error.__context__
