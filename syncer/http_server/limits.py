"""Limits of what clients may take: connections, time, bytes, requests a second."""

from __future__ import annotations

import resource
from collections.abc import Mapping
from typing import TypeVar

from msgspec import Struct, field

_T = TypeVar("_T")

#: The share of the process's descriptors that connections may hold, and the number that always may.
_SHARE = 4
_LEAST_CONNECTIONS = 8


class Limits(Struct, frozen=True):
    """Limits of one server.

    connections: at once; fewer where the process may not open many files. connections_per_second: accepted;
    others wait in the system. head, body: bytes of a request; bodies: those of paths that take others.
    request_seconds: from the first byte of a request to its last. uploads: bytes of bodies below paths, each
    with a slash at its end, that may take as long as they go on: there request_seconds are those of silence.
    too_long: JSON with which longer ones below these paths are refused; others are with an empty body.
    response_seconds: for what was written to be taken. requests_per_second: None where all are answered as
    they come.
    """

    connections: int
    connections_per_second: float
    body: int
    requests_per_second: float | None
    head: int = 16 * 1024
    request_seconds: float = 10.0
    response_seconds: float = 30.0
    bodies: Mapping[bytes, int] = field(default_factory=dict)
    uploads: Mapping[bytes, int] = field(default_factory=dict)
    too_long: Mapping[bytes, bytes] = field(default_factory=dict)

    def body_of(self, target: bytes) -> int:
        """Give the bytes that a request's body may have."""
        upload = self.upload_of(target)
        return self.bodies.get(target.partition(b"?")[0], self.body) if upload is None else upload

    def upload_of(self, target: bytes) -> int | None:
        """Give the bytes of a body that may take as long as it goes on; None: it may not."""
        return _below(self.uploads, target)

    def refusal_of(self, target: bytes) -> bytes:
        """Give the body of the answer to a body that is too long."""
        return _below(self.too_long, target) or b""


def _below(values: Mapping[bytes, _T], target: bytes) -> _T | None:
    """Find what is said of the path that a target is below."""
    return next((each for path, each in values.items() if target.startswith(path)), None)


def connections_within(most: int, descriptors: int) -> int:
    """Fit a number of connections into the descriptors of a process, which needs most for its work."""
    if descriptors == resource.RLIM_INFINITY:
        return most
    return min(most, max(_LEAST_CONNECTIONS, descriptors // _SHARE))


def descriptors() -> int:
    """Read how many files and sockets this process may have open."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
