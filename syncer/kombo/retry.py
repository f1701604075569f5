"""Send requests with retries: exponential backoff with full jitter, decided by a pure function."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from syncer.domain.errors import ConcurrencyLimited, KomboError, RateLimited, Transient, Unreachable
from syncer.kombo.reachability import Reachability
from syncer.kombo.request import Request
from syncer.process.log import Logger

T = TypeVar("T")

log = Logger(__name__)

#: Times that one request goes out before a transient failure is final.
MOST_TRIES = 6
#: Times that the same unreadable answer of a tool is believed to pass.
MOST_SAME_ANSWERS = 3
#: Times that a request tries to connect where nobody has ever answered: the address may be wrong.
FIRST_CONTACT_TRIES = 3
#: Refusals for the key's budget that one request bears. Each is followed by a wait for the window's reset.
MOST_REFUSALS = 10
#: Seconds of the first backoff at most; it doubles with every try up to the longest. The five of one
#: request (2, 4, 8, 16 and 30) make a minute at most; waits for the budget come on top.
FIRST_BACKOFF = 2.0
LONGEST_BACKOFF = 30.0
#: The same for a first contact, so that somebody who waits hears within seconds.
FIRST_CONTACT_BACKOFF = 0.5
#: Seconds of a backoff at least after Kombo's concurrency limit (docs.kombo.dev, "Concurrency limiting").
CONCURRENCY_BACKOFF = 1.0


class RetryState(Struct, frozen=True):
    """Count of a request's transient failures and of its 429s for the key's rate limit.

    answer: hash of the last answer that could not be read; same: how often in a row it has come.
    """

    failures: int = 0
    refusals: int = 0
    answer: bytes | None = None
    same: int = 0


def is_undone(error: KomboError) -> bool:
    """Tell whether the request was certainly not carried out: it was turned away or never sent."""
    return error.unsent or error.status == 429 or isinstance(error, RateLimited | ConcurrencyLimited)


def next_retry(
    error: KomboError,
    state: RetryState,
    random: Callable[[], float],
    *,
    once: bool = False,
    is_first_contact: bool = False,
) -> tuple[float, RetryState] | None:
    """Decide on a retry: the seconds to wait and the state by then; None: the error is final.

    once: the request must not be carried out twice, so that it is retried only if it certainly was not.
    is_first_contact: nobody has answered this process yet.

    Full jitter: the wait is anything up to the exponential bound, so that many streams that failed
    together do not come back together. random gives 0 <= x < 1. A refusal for the budget costs no
    backoff, because the next permit comes only after the reset.
    """
    if isinstance(error, RateLimited):
        state = replace(state, refusals=state.refusals + 1)
        return (0.0, state) if state.refusals < MOST_REFUSALS else None
    if not isinstance(error, Transient) or (once and not is_undone(error)):
        return None
    is_unreadable = error.answer is not None
    same = state.same + 1 if is_unreadable and error.answer == state.answer else int(is_unreadable)
    state = replace(state, failures=state.failures + 1, answer=error.answer, same=same)
    tries, first = MOST_TRIES, FIRST_BACKOFF
    if is_first_contact and isinstance(error, Unreachable):
        tries, first = 1 if error.is_final else FIRST_CONTACT_TRIES, FIRST_CONTACT_BACKOFF
    if state.failures >= tries or same >= MOST_SAME_ANSWERS:
        return None
    least = CONCURRENCY_BACKOFF if isinstance(error, ConcurrencyLimited) else 0.0
    bound = min(first * 2 ** (state.failures - 1), LONGEST_BACKOFF)
    return max(random() * bound, least), state


async def send_with_retries(
    request: Request[Any],
    attempt: Callable[[], Awaitable[T]],
    reachability: Reachability,
    *,
    sleep: Callable[[float], Awaitable[None]],
    random: Callable[[], float],
) -> T:
    """Send a request, retrying transient failures. Raises the KomboError of the last attempt."""
    state = RetryState()
    while True:
        reachability.check()
        try:
            async with request.slots.taken():
                return await attempt()
        except Transient as error:
            retry = next_retry(
                error,
                state,
                random,
                once=request.once,
                is_first_contact=not reachability.was_reached,
            )
            if isinstance(error, Unreachable) and (retry is None or reachability.error is not None):
                reachability.report_failure(error)
                raise
            if retry is None:
                raise
            wait, state = retry
            resting = request.slots.resting() if isinstance(error, ConcurrencyLimited) else nullcontext()
            # An outage has an event of its own.
            tell = log.info if isinstance(error, RateLimited | Unreachable) else log.warning
            tell(
                "request_retried",
                reason=error.reason,
                wait=round(wait, 3),
                integration=request.integration_id,
                model=request.model_name,
            )
        if wait > 0:
            with resting:
                await sleep(wait)
