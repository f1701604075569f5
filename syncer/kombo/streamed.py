"""Response that is passed on while it comes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import NoReturn

from syncer.http_client.library import httpx
from syncer.kombo.body import Body, BrokenBody, Oversized
from syncer.kombo.key_guard import KeyGuard, KeyShown


class StreamedResponse:
    """Response whose head has come: lower-case headers, and all of them as they came without the key.

    failing: turns what goes wrong while the body is read into a KomboError.
    """

    def __init__(self, response: httpx.Response, key: str, failing: Callable[[Exception], NoReturn]) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = dict(response.headers)
        hidden, shown = key.encode(), b"*" * len(key)
        self.raw_headers = [(name, value.replace(hidden, shown)) for name, value in response.headers.raw]
        self._guard = KeyGuard(key, self.headers)
        self._raw = response.aiter_raw()
        self._failing = failing
        self._peeked: list[bytes] = []

    async def peek(self, most: int) -> bytes:
        """Read the body's beginning, of so many bytes or somewhat more, decompressed; it is still to come.

        Empty where it cannot be decompressed. Raises KomboError.
        """
        body, size = Body(self.headers), 0
        try:
            async for piece in self._raw:
                self._peeked.append(piece)
                size += len(piece)
                body.add(piece)
                if size > most:
                    break
            return body.whole()
        except (Oversized, BrokenBody):
            return b""
        except (httpx.RequestError, httpx.StreamError) as error:
            self._failing(error)

    async def pieces(self) -> AsyncIterator[bytes]:
        """Read the body as it came, piece by piece. Raises KomboError where it breaks off."""
        try:
            for piece in self._peeked:
                yield self._guard.feed(piece)
            async for piece in self._raw:
                if passed := self._guard.feed(piece):
                    yield passed
            if held := self._guard.end():
                yield held
        except (httpx.RequestError, httpx.StreamError, KeyShown) as error:
            self._failing(error)
