"""Log of requests: what faults match on, too."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct, field


class RequestInfo(Struct):
    """Request as the simulator saw it.

    model and page (1 for a walk's first) are set for lists only, status once answered. call: the method and
    path of a call of the tool's own API, ``GET /people``; then params are the tool's.
    """

    at: datetime
    method: str
    path: str
    params: dict[str, str] = field(default_factory=dict)
    integration_id: str | None = None
    model: str | None = None
    page: int | None = None
    status: int | None = None
    call: str | None = None
