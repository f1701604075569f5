"""Request of an application on its way to Kombo, and the answer on its way back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from syncer.domain.gateway.headers import Header
from syncer.domain.ratelimit.budget import Purpose

#: Methods that change nothing.
READS = frozenset({"GET", "HEAD"})


class Content(Protocol):
    """Body of a request, which can be read several times. size: its bytes."""

    @property
    def size(self) -> int: ...

    def pieces(self) -> AsyncIterator[bytes]: ...


@dataclass(frozen=True, slots=True)
class ForwardedRequest:
    """Request of an application. target: path and query behind the API's address; content: None without.

    path: for messages; it holds no query.
    """

    method: str
    path: str
    target: bytes = field(repr=False)
    headers: Sequence[Header] = field(repr=False)
    integration_id: str | None = None
    content: Content | None = None

    @property
    def is_read(self) -> bool:
        """Tell whether it changes nothing, so that it may be sent again and given up."""
        return self.method in READS

    @property
    def purpose(self) -> Purpose:
        """Purpose of its permit: a write goes first and may use the reserve."""
        return Purpose.INCREMENTAL if self.is_read else Purpose.WRITE


@dataclass(frozen=True, slots=True)
class ForwardedAnswer:
    """Answer of Kombo's whose body is still coming. headers: as they came, the key taken out.

    pieces: of the body, still compressed where it came so; raises KomboError where it breaks off.
    """

    status: int
    headers: Sequence[Header] = field(repr=False)
    pieces: AsyncIterator[bytes] = field(repr=False)
