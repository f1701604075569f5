"""One request to Kombo as a value: what goes out, and how its answer is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from syncer.domain.ratelimit.budget import Purpose
from syncer.kombo.concurrency import Slots

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, slots=True)
class Request(Generic[T]):
    """A GET, or a POST where there is a body (JSON).

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
        """The same request as one of a list of that name: read makes a page of its answer."""

        def both(status: int, headers: Mapping[str, str], body: bytes) -> tuple[U, T]:
            answer = self.read(status, headers, body)
            return read(answer), answer

        members = {name: getattr(self, name) for name in self.__slots__}
        return Request(**{**members, "read": both, "purpose": purpose, "model_name": name})
