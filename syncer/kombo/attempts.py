"""A request goes out until it is answered or its failure is final."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from typing import Any, TypeVar

import structlog

from syncer.domain.errors import ConcurrencyLimited, RateLimited, Transient
from syncer.kombo.request import Request
from syncer.kombo.retry import Tries, next_try

T = TypeVar("T")

log = structlog.get_logger()


async def persist(
    request: Request[Any],
    attempt: Callable[[], Awaitable[T]],
    *,
    sleep: Callable[[float], Awaitable[None]],
    random: Callable[[], float],
) -> T:
    """What the first attempt that goes well gives. Raises the KomboError of the last one."""
    tries = Tries()
    while True:
        try:
            async with request.slots.taken():
                return await attempt()
        except Transient as error:
            again = next_try(error, tries, random, once=request.once)
            if again is None:
                raise
            wait, tries = again
            resting = request.slots.resting() if isinstance(error, ConcurrencyLimited) else nullcontext()
            tell = log.info if isinstance(error, RateLimited) else log.warning
            tell(
                "request_retried",
                reason=str(error),
                wait=round(wait, 3),
                integration=request.integration_id,
                model=request.model_name,
            )
        if wait > 0:
            with resting:
                await sleep(wait)
