"""Request to Kombo as a value, and what it needs of the rate limiter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, Protocol, TypeVar

from msgspec import Struct, field
from msgspec.structs import asdict

from syncer.domain.ratelimit.budget import Permit, Purpose, Rate
from syncer.kombo.concurrency import Slots

T = TypeVar("T")
U = TypeVar("U")


class Request(Struct, Generic[T], frozen=True):
    """Request to Kombo: a GET, or a POST where there is a body (JSON).

    read makes (status, lower-case headers, body) a value or raises a KomboError. slots: those of the tool
    that the request makes Kombo call; lists have none to share. once: it must not be carried out twice.
    """

    path: str
    read: Callable[[int, Mapping[str, str], bytes], T]
    purpose: Purpose
    integration_id: str | None = None
    model_name: str | None = None
    params: Mapping[str, str] | None = None
    headers: Mapping[bytes, bytes] | None = None
    body: bytes | None = None
    slots: Slots = field(default_factory=Slots)
    once: bool = False

    def listing(self, read: Callable[[T], U], purpose: Purpose, name: str) -> Request[tuple[U, T]]:
        """Turn the request into one of the list of that name: read makes a page of its answer."""

        def both(status: int, headers: Mapping[str, str], body: bytes) -> tuple[U, T]:
            answer = self.read(status, headers, body)
            return read(answer), answer

        return Request(**{**asdict(self), "read": both, "purpose": purpose, "model_name": name})


class RateLimiter(Protocol):
    """Rate limiter as the client sees it: every permit is reported once, as answered or as refused."""

    async def permit(
        self, purpose: Purpose, integration_id: str | None, model_name: str | None, *, first: bool = False
    ) -> Permit:
        """Wait for a permit; integrations are served round-robin, and so are the models of each.

        first: before the others of the same purpose.
        """

    def answered(self, permit: Permit, rate: Rate | None) -> None:
        """Report the end of a request; rate: its answer's headers, None without them or without an answer."""

    def refused(self, permit: Permit, rate: Rate | None, reset: float | None) -> None:
        """Report a 429 for the key's limit; reset: seconds, None if not told."""
