"""Decision about a list request at the gateway: an answer from the mirror, or a request to Kombo."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct


class Answered(Struct, frozen=True):
    """Answer of the mirror. body: JSON, a page or (status 400) an error in Kombo's words.

    complete_as_of: time of Kombo's clock up to which the mirror is complete; None for an error.
    """

    status: int
    body: bytes
    complete_as_of: datetime | None


class Forwarded(Struct, frozen=True):
    """Request that Kombo has to answer. reason: why the mirror does not, without a value of the request."""

    reason: str
