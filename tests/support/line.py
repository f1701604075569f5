"""A line to the source that can be cut: then no connection is made."""

from __future__ import annotations

from dataclasses import dataclass

import httpx


@dataclass
class Line(httpx.AsyncBaseTransport):
    """Network in front of another transport. is_cut: connections are refused; tried: how many were."""

    beyond: httpx.AsyncBaseTransport
    is_cut: bool = False
    tried: int = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.is_cut:
            self.tried += 1
            raise httpx.ConnectError("Connection refused", request=request)
        return await self.beyond.handle_async_request(request)

    async def aclose(self) -> None:
        await self.beyond.aclose()
