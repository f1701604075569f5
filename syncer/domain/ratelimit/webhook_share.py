"""Share of a window that is kept for what webhooks will ask for. Pure.

Scheduled reads that need more than a window permits use it up in its first seconds. What a webhook tells of
after that would wait for the next window, for half a minute on average. So they leave over what webhooks will
probably need until the window ends, going by the windows before; as it ends, less and less. Where no webhooks
come nothing is kept.
"""

from __future__ import annotations

from math import ceil, sqrt

#: Standard deviations by which more webhooks may come than are expected.
MARGIN = 2.0
#: Greatest share of what reads may use that is kept, so that scheduled reads never stop.
MOST = 0.5


def kept(expected: float, left: float, room: int) -> int:
    """Compute the requests that scheduled reads leave over.

    expected: requests that webhooks ask for in a window. left: share of the window that is left (0..1).
    room: requests of a window that reads may use.
    """
    coming = expected * min(max(left, 0.0), 1.0)
    return min(ceil(coming + MARGIN * sqrt(coming)), int(room * MOST))


def next_expected(expected: float, asked: int) -> float:
    """Correct the expectation by a window in which webhooks asked for so many requests.

    More are believed at once; fewer, half of the way, until next to nothing is left.
    """
    after = max(float(asked), (expected + asked) / 2)
    return after if after >= 0.1 else 0.0
