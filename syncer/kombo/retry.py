"""When a failed request goes out again: the decision alone. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from syncer.domain.errors import ConcurrencyLimited, KomboError, RateLimited, Transient

#: Times that one request goes out before a transient failure is final.
MOST_TRIES = 6
#: Refusals for the key's budget that one request bears. Each is followed by a wait for the window's reset.
MOST_REFUSALS = 10
#: Seconds of the first backoff at most; it doubles with every try up to the longest. The five of one
#: request (2, 4, 8, 16 and 30) make a minute at most; waits for the budget come on top.
FIRST_BACKOFF = 2.0
LONGEST_BACKOFF = 30.0
#: Seconds of a backoff at least after Kombo's concurrency limit (docs.kombo.dev, "Concurrency limiting").
CONCURRENCY_BACKOFF = 1.0


@dataclass(frozen=True, slots=True)
class Tries:
    """What one request has been through: transient failures, and refusals for the key's budget."""

    failures: int = 0
    refusals: int = 0


def is_undone(error: KomboError) -> bool:
    """Whether what was asked for has certainly not been done: the request was turned away or never left."""
    return error.unsent or error.status == 429 or isinstance(error, RateLimited | ConcurrencyLimited)


def next_try(
    error: KomboError, tries: Tries, random: Callable[[], float], *, once: bool = False
) -> tuple[float, Tries] | None:
    """Seconds to wait before the request goes out again and the tries by then; None: the error is final.

    once: the request must not be carried out twice, so that it goes out again only if it certainly was not.

    Full jitter: the wait is anything up to the exponential bound, so that many streams that failed
    together do not come back together. random gives 0 <= x < 1. A refusal for the budget costs no
    backoff, because the next permit comes only after the reset.
    """
    if isinstance(error, RateLimited):
        tries = replace(tries, refusals=tries.refusals + 1)
        return (0.0, tries) if tries.refusals < MOST_REFUSALS else None
    if not isinstance(error, Transient) or (once and not is_undone(error)):
        return None
    tries = replace(tries, failures=tries.failures + 1)
    if tries.failures >= MOST_TRIES:
        return None
    least = CONCURRENCY_BACKOFF if isinstance(error, ConcurrencyLimited) else 0.0
    bound = min(FIRST_BACKOFF * 2 ** (tries.failures - 1), LONGEST_BACKOFF)
    return max(random() * bound, least), tries
