"""HTTP connections to Kombo: send a request once, receive all of its response."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, NoReturn, Protocol, Self

from syncer.domain.errors import (
    AnswerTooLarge,
    KomboError,
    RequestRefused,
    Transient,
    Unreachable,
    UnreadableAnswer,
    UsageError,
)
from syncer.domain.limits import LARGE_ANSWER_BYTES, MOST_ANSWER_BYTES, MOST_HEADER_BYTES, in_mib
from syncer.http_client.connect_errors import (
    describe_error,
    describe_refusal,
    has_too_large_headers,
    is_lasting,
    is_unsent,
)
from syncer.http_client.library import httpx
from syncer.http_client.route import find_route, make_client
from syncer.kombo.body import ACCEPTED_ENCODINGS, Body, BrokenBody, Oversized, UnknownEncoding
from syncer.kombo.errors import NETWORK_ADVICE, no_answer
from syncer.kombo.headers import checked_key
from syncer.kombo.key_guard import KeyShown
from syncer.kombo.request import Request
from syncer.kombo.streamed import StreamedResponse

#: A request may last this many times the silence it may keep, however steadily its answer drips.
LONGEST_REQUEST = 10
#: Seconds to connect: the answer to one of the first three packets.
CONNECT_TIMEOUT = 4.0
#: Seconds that an idle connection is kept; load balancers close theirs after a minute.
KEEPALIVE = 30.0

#: Status that no server but a proxy gives.
PROXY_AUTHENTICATION = 407

#: What can replace the network.
Transport = httpx.AsyncBaseTransport


@dataclass(frozen=True, slots=True)
class Response:
    """Response as it was received: lower-case headers, and the body decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Named(Protocol):
    """Request as messages name it."""

    @property
    def path(self) -> str: ...

    @property
    def integration_id(self) -> str | None: ...


class Connections:
    """Connection pool for one key and one address.

    timeout: seconds of silence while reading; connect_timeout: seconds to connect, where timeout is not
    shorter; connections: size of the pool; version: of this program, for the User-Agent. transport replaces
    the network. environ: variables that may name a proxy and the certificates to trust. Raises UsageError for
    a key or an address that cannot be sent, or variables that cannot be followed.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        timeout: float,
        connect_timeout: float,
        connections: int,
        version: str,
        transport: Transport | None,
        environ: Mapping[str, str],
    ) -> None:
        self._api_key = checked_key(api_key)
        self._timeout = timeout
        self._large = asyncio.Lock()
        url = _checked(base_url)
        route = find_route(str(url), environ, is_direct=transport is not None)
        self._proxy = route.proxy
        self._http = make_client(
            route,
            timeout=timeout,
            connect_timeout=connect_timeout,
            connections=connections,
            keepalive=KEEPALIVE,
            headers={
                "Authorization": f"Bearer {api_key}",
                "User-Agent": f"syncer/{version}",
                "Accept": "application/json",
                "Accept-Encoding": ACCEPTED_ENCODINGS,
            },
            base_url=url,
            transport=transport,
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

    async def send(self, request: Request[Any], large: AsyncExitStack) -> Response:
        """Send once and receive the whole response. Raises KomboError where none came, or too much.

        large: closed by the caller once the body has been read. Of large ones there is one at a time, since
        what is made of it takes several times its length.
        """
        limit, is_alone = self._timeout * LONGEST_REQUEST, False
        try:
            async with (
                asyncio.timeout(limit),
                self._http.stream(
                    "GET" if request.body is None else "POST",
                    self._url(_target(request)),
                    headers=request.headers,
                    content=request.body,
                ) as response,
            ):
                body = Body(response.headers)
                async for piece in response.aiter_raw():
                    body.add(piece)
                    if body.size > LARGE_ANSWER_BYTES and not is_alone:
                        await large.enter_async_context(self._large)
                        is_alone = True
                answer = Response(response.status_code, dict(response.headers), body.whole())
        except TimeoutError:
            self.fail(Transient, request, f"the answer was not complete after {limit:g} s")
        except (httpx.RequestError, httpx.InvalidURL) as error:
            self._fail_unanswered(request, error)
        except (Oversized, MemoryError):
            most = in_mib(MOST_ANSWER_BYTES)
            self.fail(AnswerTooLarge, request, f"it has more than {most}, the most that is read")
        except UnknownEncoding:
            self.fail(UnreadableAnswer, request, "it is compressed in a way that was not asked for")
        except BrokenBody as error:
            self.fail(Transient, request, str(error))

        if answer.status == PROXY_AUTHENTICATION and self._proxy is not None:
            reason = describe_refusal(answer.status, self._proxy)
            self.fail(Unreachable, request, reason, unsent=True, is_final=True)
        return answer

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        named: Named,
        *,
        target: bytes,
        headers: Sequence[tuple[bytes, bytes]],
        content: AsyncIterator[bytes] | None,
        length: int,
        silence: float,
    ) -> AsyncIterator[StreamedResponse]:
        """Send a request once, with the key, and give the response as soon as its head has come.

        target: path and query below the API's address. headers: all that are sent beside the key and the
        length; content: of so many bytes; None: there is none. silence: seconds that it may keep. Raises
        KomboError where no head came.
        """
        own: list[tuple[bytes, bytes]] = [(b"Authorization", f"Bearer {self._api_key}".encode())]
        if content is not None:
            own.append((b"Content-Length", str(length).encode()))
        request = httpx.Request(
            method,
            self._url(target),
            headers=[*headers, *own],
            content=content,
            extensions={"timeout": {**self._http.timeout.as_dict(), "read": silence, "write": silence}},
        )

        def failing(error: Exception) -> NoReturn:
            if isinstance(error, KeyShown):
                self.fail(UnreadableAnswer, named, str(error))
            if isinstance(error, httpx.RequestError):
                self._fail_unanswered(named, error)
            self.fail(Transient, named, "it broke off")

        try:
            response = await self._http.send(request, stream=True)
        except (httpx.RequestError, httpx.InvalidURL) as error:
            self._fail_unanswered(named, error)
        try:
            if response.status_code == PROXY_AUTHENTICATION and self._proxy is not None:
                reason = describe_refusal(response.status_code, self._proxy)
                self.fail(Unreachable, named, reason, unsent=True, is_final=True)
            try:
                streamed = StreamedResponse(response, self._api_key, failing)
            except UnknownEncoding:
                self.fail(UnreadableAnswer, named, "it is compressed in a way that was not asked for")
            yield streamed
        finally:
            await response.aclose()

    def _url(self, target: bytes) -> httpx.URL:
        """Make the URL of a path with its query below the API's address, in one step: httpx parses each."""
        base = self._http.base_url
        return base.copy_with(raw_path=base.raw_path.rstrip(b"/") + target)

    def _fail_unanswered(self, request: Named, error: httpx.RequestError | httpx.InvalidURL) -> NoReturn:
        if has_too_large_headers(error):
            # Fewer records in it would have the same ones.
            most = f"{MOST_HEADER_BYTES // 1024} KiB, the most that is read"
            self.fail(UnreadableAnswer, request, f"its headers have more than {most}")
        unsent, is_final = is_unsent(error), is_lasting(error)
        reason = describe_error(error, self._proxy)
        if unsent and not isinstance(error, httpx.PoolTimeout):
            if self._proxy is None and not is_final:
                reason += f"; {NETWORK_ADVICE}"
            is_final = is_final or isinstance(error, httpx.ConnectTimeout)
            self.fail(Unreachable, request, reason, unsent=True, is_final=is_final)
        self.fail(RequestRefused if is_final else Transient, request, reason, unsent=unsent)

    def fail(self, kind: type[KomboError], request: Named, reason: str, **details: bool) -> NoReturn:
        """Raise an error without its cause: httpx quotes what went over the wire, which may be the key."""
        host, reason = self._http.base_url.netloc.decode(), self.hide(reason)
        raise no_answer(kind, host, request.path, request.integration_id, reason, **details) from None

    def hide(self, text: str) -> str:
        """Remove the key from a text."""
        return text.replace(self._api_key, "[API key]")


def _target(request: Request[Any]) -> bytes:
    """Write the path of a request, with its parameters as httpx would write them."""
    query = f"?{httpx.QueryParams(request.params)}" if request.params else ""
    return f"{request.path}{query}".encode()


def _checked(base_url: str) -> httpx.URL:
    """Parse the address or raise UsageError. A user name in it would be sent in place of the key."""
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in ("http", "https") or not url.host or url.userinfo or (url.port or 0) > 65535:
        raise UsageError("base_url must be an address such as https://api.kombo.dev/v1.")
    return url
