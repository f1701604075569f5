"""HTTP client of Kombo: take a permit, send, read, retry what is transient."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import NoReturn, Self, TypeVar

# What connections stand on; it takes a while to be read, and httpcore would do so in the first request.
import anyio._backends._asyncio  # noqa: F401
import httpx

from syncer.domain.catalogue.model import Model
from syncer.domain.errors import KomboError, RateLimited, RequestRefused, Transient, UsageError
from syncer.domain.native.call import Call
from syncer.domain.ratelimit.budget import Purpose
from syncer.kombo.concurrency import Slots
from syncer.kombo.connect_errors import describe_error, describe_refusal, is_lasting, is_unsent
from syncer.kombo.headers import checked_key, read_rate
from syncer.kombo.integrations import (
    KEY_CHECK_PATH,
    Integration,
    integration_path,
    read_integration,
    read_key_check,
)
from syncer.kombo.lists import Page, list_params, read_page
from syncer.kombo.passthrough import NativeAnswer, doubtful, native_request
from syncer.kombo.proxy import Proxy, find_proxy, not_an_address
from syncer.kombo.request import RateLimiter, Request
from syncer.kombo.retry import send_with_retries
from syncer.kombo.tls import make_tls_context

#: A request may last this many times the silence it may keep, however steadily its answer drips.
LONGEST_REQUEST = 10
#: Bytes of a body from which on it is read in a thread, so that nothing else has to wait for it.
LARGE = 64 * 1024
#: Seconds that an idle connection is kept; load balancers close theirs after a minute.
KEEPALIVE = 30.0
#: Status that no server but a proxy gives.
PROXY_AUTHENTICATION = 407

T = TypeVar("T")

# httpx logs addresses with their queries, httpcore the headers of answers: nothing for a log file.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class Client:
    """HTTP client of Kombo's API with one key and one connection pool.

    timeout: seconds of silence while reading; connect_timeout: seconds to connect, where timeout is not
    shorter; connections: size of the pool; version: of this program, for the User-Agent. clock gives
    monotonic seconds, sleep waits that many, random gives 0 <= x < 1. transport replaces the network. slots:
    by integration, shared with other clients of the process. environ: variables that may name a proxy and the
    certificates to trust.

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
        connect_timeout: float = 10.0,
        transport: httpx.AsyncBaseTransport | None = None,
        slots: defaultdict[str, Slots] | None = None,
        environ: Mapping[str, str] = {},
    ) -> None:
        self._api_key = checked_key(api_key)
        self._permits = permits
        self._timeout = timeout
        self._clock = clock
        self._sleep = sleep
        self._random = random
        self._slots = defaultdict(Slots) if slots is None else slots
        url, tls = _checked(base_url), make_tls_context(environ)
        self._proxy = None if transport is not None else find_proxy(str(url), environ)
        self._http = httpx.AsyncClient(
            base_url=url,
            headers={
                "Authorization": f"Bearer {api_key}",
                "User-Agent": f"syncer/{version}",
                "Accept": "application/json",
            },
            timeout=httpx.Timeout(timeout, connect=min(connect_timeout, timeout)),
            limits=httpx.Limits(
                max_connections=connections,
                max_keepalive_connections=connections,
                keepalive_expiry=KEEPALIVE,
            ),
            follow_redirects=False,
            transport=transport,
            # Variables are read here alone: those that httpx cannot read would end the program.
            trust_env=False,
            verify=tls,
            proxy=None if self._proxy is None else _http_proxy(self._proxy, tls),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    def use_key(self, api_key: str) -> None:
        """Send another key from now on. Raises UsageError for one that cannot be sent."""
        self._api_key = checked_key(api_key)
        self._http.headers["Authorization"] = f"Bearer {api_key}"

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
        request = Request(
            path=model.path,
            read=partial(
                read_page,
                integration_id=integration_id,
                model_name=model.name,
                has_cursor=cursor is not None,
                scrub=self._scrub,
            ),
            purpose=purpose,
            integration_id=integration_id,
            model_name=model.name,
            headers={b"X-Integration-Id": integration_id.encode()},
            params=list_params(
                model,
                page_size=page_size,
                updated_after=updated_after,
                cursor=cursor,
                filters=filters,
                ids=ids,
                remote_ids=remote_ids,
            ),
        )
        page, duration = await self._request(request)
        return replace(page, duration=duration)

    async def integration(self, integration_id: str, *, purpose: Purpose) -> Integration:
        """Fetch an integration, with the availability of its models."""
        read = partial(read_integration, integration_id=integration_id, scrub=self._scrub)
        integration, _ = await self._request(
            Request(integration_path(integration_id), read, purpose, integration_id)
        )
        return integration

    async def check_key(self, *, purpose: Purpose) -> str:
        """Fetch the id of the environment that the key opens."""
        read = partial(read_key_check, scrub=self._scrub)
        environment_id, _ = await self._request(Request(KEY_CHECK_PATH, read, purpose))
        return environment_id

    async def passthrough(self, call: Call, integration_id: str) -> NativeAnswer:
        """Make a call of the tool's own API; its answer is given even where it is an error of the tool's.

        A GET is retried as lists are; anything else only where it certainly was not carried out. Raises
        Doubtful where nobody knows.
        """
        request = native_request(call, integration_id, self._slots[integration_id], self._scrub)
        try:
            return (await self._request(request))[0]
        except Transient as error:
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
        request = native_request(call, integration_id, self._slots[integration_id], self._scrub)

        (value, answer), duration = await self._request(request.listing(read, purpose, name))
        return value, answer, duration

    async def _request(self, request: Request[T]) -> tuple[T, float]:
        """Send a request; give the value read and the seconds that the successful attempt took."""
        return await send_with_retries(
            request, partial(self._attempt, request), sleep=self._sleep, random=self._random
        )

    async def _attempt(self, request: Request[T]) -> tuple[T, float]:
        permit = await self._permits.permit(request.purpose, request.integration_id, request.model_name)
        try:
            started = self._clock()
            response = await self._send(request)
            duration = self._clock() - started
        except BaseException:
            self._permits.answered(permit, None)
            raise
        headers = dict(response.headers)
        rate = read_rate(headers)
        try:
            read = partial(request.read, response.status_code, headers, response.content)
            value = read() if len(response.content) < LARGE else await asyncio.to_thread(read)
        except RateLimited as error:
            self._permits.refused(permit, rate, error.reset)
            raise
        except BaseException:
            self._permits.answered(permit, rate)
            raise
        self._permits.answered(permit, rate)
        return value, duration

    async def _send(self, request: Request[T]) -> httpx.Response:
        """Send once and receive the whole response, body read and decompressed."""
        limit = self._timeout * LONGEST_REQUEST
        try:
            async with asyncio.timeout(limit):
                response = await self._http.request(
                    "GET" if request.body is None else "POST",
                    request.path,
                    params=request.params,
                    headers=request.headers,
                    content=request.body,
                )
        except TimeoutError:
            self._fail(Transient, request, f"the answer was not complete after {limit:g} s")
        except (httpx.RequestError, httpx.InvalidURL) as error:
            kind = RequestRefused if is_lasting(error) else Transient
            self._fail(kind, request, describe_error(error, self._proxy), unsent=is_unsent(error))
        if response.status_code == PROXY_AUTHENTICATION and self._proxy is not None:
            self._fail(
                RequestRefused, request, describe_refusal(response.status_code, self._proxy), unsent=True
            )
        return response

    def _fail(
        self, kind: type[KomboError], request: Request[T], reason: str, *, unsent: bool = False
    ) -> NoReturn:
        """Raise an error without its cause: httpx quotes what went over the wire, which may be the key."""
        whose = f" of {request.integration_id}" if request.integration_id else ""
        host = self._http.base_url.netloc.decode()
        message = f"No answer from {host} to {request.path}{whose}: {reason}."
        error = kind(self._scrub(message), integration_id=request.integration_id)
        error.unsent = unsent
        raise error from None

    def _scrub(self, text: str) -> str:
        return text.replace(self._api_key, "[API key]")


def _checked(base_url: str) -> httpx.URL:
    """Parse the address or raise UsageError. A user name in it would be sent in place of the key."""
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in ("http", "https") or not url.host or url.userinfo or (url.port or 0) > 65535:
        raise UsageError("base_url must be an address such as https://api.kombo.dev/v1.")
    return url


def _http_proxy(proxy: Proxy, tls: ssl.SSLContext) -> httpx.Proxy:
    """Make httpx's proxy. Raises UsageError where its name cannot be one of a host."""
    url, is_https = f"{proxy.scheme}://{proxy.host}", proxy.scheme == "https"
    try:
        return httpx.Proxy(url, ssl_context=tls if is_https else None, auth=proxy.auth)
    except httpx.InvalidURL:
        raise not_an_address(proxy.variable) from None
