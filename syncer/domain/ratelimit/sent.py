"""End of a request to Kombo, as whoever counts requests is told of it."""

from __future__ import annotations

from typing import NamedTuple

from syncer.domain.ratelimit.budget import Purpose


class Sent(NamedTuple):
    """End of one attempt to send a request.

    status: of Kombo's answer; None: none came. is_refused: it was a 429 for the key's limit.
    """

    purpose: Purpose
    status: int | None
    is_refused: bool = False
