"""Requests to Kombo: take a permit, send, read, try again what is transient. The only module with httpx."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import TracebackType
from typing import Generic, NoReturn, Protocol, Self, TypeVar

import httpx
import structlog

from syncer.domain.budget import Permit, Purpose, Rate
from syncer.domain.errors import KomboError, RateLimited, RequestRefused, Transient, UsageError
from syncer.domain.model import Model
from syncer.kombo.headers import read_rate
from syncer.kombo.integration import (
    KEY_CHECK_PATH,
    Integration,
    integration_path,
    read_integration,
    read_key_check,
)
from syncer.kombo.protocol import Page, list_params, read_page
from syncer.kombo.retry import Tries, next_try

#: A request may last this many times the silence it may keep, however steadily its answer drips.
LONGEST_REQUEST = 10
#: Seconds that an idle connection is kept; load balancers close theirs after a minute.
KEEPALIVE = 30.0

T = TypeVar("T")

log = structlog.get_logger()

# httpx logs addresses with their queries, httpcore the headers of answers: nothing for a log file.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class Gate(Protocol):
    """The request budget as the client sees it. Every permit is reported once, answered or refused."""

    async def permit(self, purpose: Purpose, integration_id: str | None, model_name: str | None) -> Permit:
        """Waits until one request may go out; integrations take turns, and the models of each."""

    async def answered(self, permit: Permit, rate: Rate | None) -> None:
        """The request is over; rate is what its answer told, None if nothing (or no answer came)."""

    async def refused(self, permit: Permit, rate: Rate | None, reset: float | None) -> None:
        """The key's budget was used up all the same; reset is in seconds, None if not told."""


@dataclass(frozen=True, slots=True)
class _Request(Generic[T]):
    """One GET. read makes (status, lower-case headers, body) a value or raises a KomboError."""

    path: str
    read: Callable[[int, Mapping[str, str], bytes], T]
    purpose: Purpose
    integration_id: str | None = None
    model_name: str | None = None
    params: Mapping[str, str] | None = None
    headers: Mapping[bytes, bytes] | None = None


class Client:
    """Kombo's API with one key, through one pool of connections.

    timeout: seconds of silence while reading; connect_timeout: seconds to connect, where timeout is not
    shorter; connections: size of the pool; version: of this program, for the User-Agent. clock gives
    monotonic seconds, sleep waits that many, random gives 0 <= x < 1. transport replaces the network.

    All methods raise KomboErrors once tries are used up; UsageError for a key or an address that cannot
    be sent. No message holds the key, whatever the server writes.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        gate: Gate,
        timeout: float,
        connections: int,
        version: str,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        random: Callable[[], float],
        connect_timeout: float = 10.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        if not api_key or not api_key.isascii() or not api_key.isprintable() or " " in api_key:
            raise UsageError("The API key is empty or holds characters that no key has.")
        self._api_key = api_key
        self._gate = gate
        self._timeout = timeout
        self._clock = clock
        self._sleep = sleep
        self._random = random
        self._http = httpx.AsyncClient(
            base_url=_checked(base_url),
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
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

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
        """One page of a model's list; with a cursor, repeat everything else. Raises as list_params does."""
        request = _Request(
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
        page, duration = await self._get(request)
        return replace(page, duration=duration)

    async def integration(self, integration_id: str, *, purpose: Purpose) -> Integration:
        """What Kombo says of one integration and its models."""
        read = partial(read_integration, integration_id=integration_id, scrub=self._scrub)
        integration, _ = await self._get(
            _Request(integration_path(integration_id), read, purpose, integration_id)
        )
        return integration

    async def check_key(self, *, purpose: Purpose) -> str:
        """The id of the environment that the key opens."""
        read = partial(read_key_check, scrub=self._scrub)
        environment_id, _ = await self._get(_Request(KEY_CHECK_PATH, read, purpose))
        return environment_id

    async def _get(self, request: _Request[T]) -> tuple[T, float]:
        """The value and the seconds that the accepted attempt took."""
        tries = Tries()
        while True:
            try:
                return await self._attempt(request)
            except Transient as error:
                again = next_try(error, tries, self._random)
                if again is None:
                    raise
                wait, tries = again
                tell = log.info if isinstance(error, RateLimited) else log.warning
                tell(
                    "request_retried",
                    reason=str(error),
                    wait=round(wait, 3),
                    integration=request.integration_id,
                    model=request.model_name,
                )
            if wait > 0:
                await self._sleep(wait)

    async def _attempt(self, request: _Request[T]) -> tuple[T, float]:
        permit = await self._gate.permit(request.purpose, request.integration_id, request.model_name)
        try:
            started = self._clock()
            response = await self._send(request)
            duration = self._clock() - started
        except BaseException:
            await self._gate.answered(permit, None)
            raise
        headers = dict(response.headers)
        rate = read_rate(headers)
        try:
            value = request.read(response.status_code, headers, response.content)
        except RateLimited as error:
            await self._gate.refused(permit, rate, error.reset)
            raise
        except BaseException:
            await self._gate.answered(permit, rate)
            raise
        await self._gate.answered(permit, rate)
        return value, duration

    async def _send(self, request: _Request[T]) -> httpx.Response:
        """The whole answer, body read and decompressed."""
        limit = self._timeout * LONGEST_REQUEST
        try:
            async with asyncio.timeout(limit):
                return await self._http.get(request.path, params=request.params, headers=request.headers)
        except TimeoutError:
            self._fail(Transient, request, f"the answer was not complete after {limit:g} s")
        except (httpx.LocalProtocolError, httpx.InvalidURL) as error:
            self._fail(RequestRefused, request, _reason(error))
        except httpx.RequestError as error:
            self._fail(Transient, request, _reason(error))

    def _fail(self, kind: type[KomboError], request: _Request[T], reason: str) -> NoReturn:
        """Raised without its cause: httpx quotes what went over the wire, which may be the key."""
        asked = f" of {request.integration_id}" if request.integration_id else ""
        host = self._http.base_url.netloc.decode()
        message = f"No answer from {host} to {request.path}{asked}: {reason}."
        raise kind(self._scrub(message), integration_id=request.integration_id) from None

    def _scrub(self, text: str) -> str:
        return text.replace(self._api_key, "[API key]")


def _checked(base_url: str) -> httpx.URL:
    """The address, or UsageError. A user name in it would go out in place of the key."""
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in ("http", "https") or not url.host or url.userinfo or (url.port or 0) > 65535:
        raise UsageError("base_url must be an address such as https://api.kombo.dev/v1.")
    return url


def _reason(error: Exception) -> str:
    for kind, reason in _REASONS.items():
        if isinstance(error, kind):
            return reason
    # What is left says why there is no connection, in the words of the system.
    return " ".join(str(error).split())[:200] or type(error).__name__


#: httpx's texts may quote the peer; these do not.
_REASONS: dict[type[Exception], str] = {
    httpx.ConnectTimeout: "it took too long to connect",
    httpx.PoolTimeout: "all connections were busy for too long",
    httpx.TimeoutException: "it was silent for too long",
    httpx.LocalProtocolError: "the integration's id cannot be sent",
    httpx.InvalidURL: "the address cannot be sent",
    httpx.ProtocolError: "it broke off or was not HTTP",
    httpx.ReadError: "the connection broke while reading",
    httpx.WriteError: "the connection broke while sending",
    httpx.DecodingError: "its body could not be decompressed",
}
