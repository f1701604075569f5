"""Receiver of a delivery: post a message once, and learn from the answer what its head says."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from syncer.domain.deliveries.attempts import Answer
from syncer.http_client.connect_errors import describe_error, describe_refusal
from syncer.http_client.headers import read_retry_after
from syncer.http_client.library import httpx
from syncer.http_client.route import find_route, make_client

#: Seconds to connect, and those within which the answer has to come.
CONNECT_TIMEOUT = 5.0
ANSWER_TIMEOUT = 30.0
#: Seconds that its body may take, which says nothing.
BODY_TIMEOUT = 1.0
#: Seconds that an idle connection is kept.
KEEPALIVE = 30.0
#: Bytes of an answer's body that are read, so that its connection can be used again, and thrown away.
MOST_BODY = 16 * 1024

_PROXY_AUTHENTICATION = 407


class Receiver:
    """Receiver at one address, with at most one connection.

    environ: variables that may name a proxy and the certificates to trust. timeout: seconds within which the
    answer has to come. Raises UsageError for variables that cannot be followed.
    """

    def __init__(
        self, url: str, *, version: str, environ: Mapping[str, str], timeout: float = ANSWER_TIMEOUT
    ) -> None:
        route = find_route(url, environ)
        self._url = url
        self._proxy = route.proxy
        self._timeout = timeout
        self._http = make_client(
            route,
            timeout=timeout,
            connect_timeout=CONNECT_TIMEOUT,
            connections=1,
            keepalive=KEEPALIVE,
            headers={"User-Agent": f"syncer/{version}", "Accept-Encoding": "identity"},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def post(self, body: str, headers: Mapping[str, str]) -> Answer:
        """Post a body once. What goes wrong on the way is not raised: it is an answer without a status."""
        try:
            async with asyncio.timeout(self._timeout):
                request = self._http.build_request("POST", self._url, headers=headers, content=body.encode())
                response = await self._http.send(request, stream=True)
        except TimeoutError:
            return Answer(None, f"none came within {self._timeout:g} s")
        except (httpx.RequestError, httpx.InvalidURL) as error:
            return Answer(None, describe_error(error, self._proxy))
        await _drop_body(response)
        if response.status_code == _PROXY_AUTHENTICATION and self._proxy is not None:
            return Answer(None, describe_refusal(response.status_code, self._proxy))
        return Answer(response.status_code, retry_after=read_retry_after(response.headers))


async def _drop_body(response: httpx.Response) -> None:
    """Read a short body, so that the connection can be used again; a long or slow one ends it."""
    read = 0
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            async for piece in response.aiter_raw():
                read += len(piece)
                if read > MOST_BODY:
                    break
    except (TimeoutError, httpx.RequestError):
        # The head has said it all.
        pass
    finally:
        await response.aclose()
