"""HTTP connections to Kombo: send a request once, receive all of its response. The only module with httpx."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Any, NoReturn, Self

# What connections stand on; it takes a while to be read, and httpcore would do so in the first request.
import anyio._backends._asyncio  # noqa: F401
import httpx

from syncer.domain.errors import (
    AnswerTooLarge,
    KomboError,
    RequestRefused,
    Transient,
    UnreadableAnswer,
    Unreachable,
    UsageError,
)
from syncer.domain.limits import LARGE_ANSWER_BYTES, MOST_ANSWER_BYTES, in_mib
from syncer.kombo.body import ACCEPTED_ENCODINGS, Body, BrokenBody, Oversized, UnknownEncoding
from syncer.kombo.errors import no_answer
from syncer.kombo.request import Request

#: A request may last this many times the silence it may keep, however steadily its answer drips.
LONGEST_REQUEST = 10
#: Seconds to connect: the answer to one of the first three packets.
CONNECT_TIMEOUT = 4.0
#: Seconds that an idle connection is kept; load balancers close theirs after a minute.
KEEPALIVE = 30.0

#: What can replace the network.
Transport = httpx.AsyncBaseTransport

# httpx logs addresses with their queries, httpcore the headers of answers: nothing for a log file.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Response:
    """Response as it was received: lower-case headers, and the body decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Connections:
    """Connection pool for one key and one address.

    timeout: seconds of silence while reading; connect_timeout: seconds to connect, where timeout is not
    shorter; connections: size of the pool; version: of this program, for the User-Agent. transport replaces
    the network. Raises UsageError for an address that cannot be sent to.
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
    ) -> None:
        self._api_key = api_key
        self._timeout = timeout
        self._large = asyncio.Lock()
        self._http = httpx.AsyncClient(
            base_url=_checked(base_url),
            headers={
                "Authorization": f"Bearer {api_key}",
                "User-Agent": f"syncer/{version}",
                "Accept": "application/json",
                "Accept-Encoding": ACCEPTED_ENCODINGS,
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
                    request.path,
                    params=request.params,
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
                return Response(response.status_code, dict(response.headers), body.whole())
        except TimeoutError:
            self.fail(Transient, request, f"the answer was not complete after {limit:g} s")
        except (httpx.LocalProtocolError, httpx.InvalidURL) as error:
            self.fail(RequestRefused, request, _reason(error))
        except httpx.RequestError as error:
            if _has_too_large_headers(error):
                # Fewer records in it would have the same ones.
                most = "100 KiB, the most that is read"
                self.fail(UnreadableAnswer, request, f"its headers have more than {most}")
            unsent, is_final = isinstance(error, _BEFORE_SENDING), isinstance(error, httpx.ConnectTimeout)
            kind = Unreachable if unsent and not isinstance(error, httpx.PoolTimeout) else Transient
            self.fail(kind, request, _reason(error), unsent=unsent, is_final=is_final)
        except (Oversized, MemoryError):
            most = in_mib(MOST_ANSWER_BYTES)
            self.fail(AnswerTooLarge, request, f"it has more than {most}, the most that is read")
        except UnknownEncoding:
            self.fail(UnreadableAnswer, request, "it is compressed in a way that was not asked for")
        except BrokenBody as error:
            self.fail(Transient, request, str(error))

    def fail(self, kind: type[KomboError], request: Request[Any], reason: str, **details: bool) -> NoReturn:
        """Raise an error without its cause: httpx quotes what went over the wire, which may be the key."""
        host, reason = self._http.base_url.netloc.decode(), self.scrub(reason)
        raise no_answer(kind, host, request.path, request.integration_id, reason, **details) from None

    def scrub(self, text: str) -> str:
        """Remove the key from a text."""
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


def _has_too_large_headers(error: BaseException | None) -> bool:
    """Tell whether the parser of HTTP gave up because the headers did not end within what it holds."""
    while error is not None:
        if getattr(error, "error_status_hint", None) == HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE:
            return True
        error = error.__cause__ or error.__context__
    return False


def _reason(error: Exception) -> str:
    for kind, reason in _REASONS.items():
        if isinstance(error, kind):
            return reason
    # What is left says why there is no connection, in the words of the system.
    return " ".join(str(error).split())[:200] or type(error).__name__


_BEFORE_SENDING = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)

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
}
