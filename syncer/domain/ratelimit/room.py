"""Tell whether a window has room for requests that could wait. Pure."""

from __future__ import annotations

from syncer.domain.ratelimit.budget import Budget, Reserve

#: Share of what reads may use of a window, of which more is left where there is room.
SHARE = 0.5


def has_room(budget: Budget, reserve: Reserve) -> bool:
    """Tell whether so much of the window is left that nobody has to be sparing; not while it is unknown."""
    if budget.limit is None:
        return False
    room = budget.limit - reserve.of(budget.limit)
    return room - budget.effective_used > room * SHARE
