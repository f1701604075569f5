"""One pass over many streams: several at once, each result on its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.state import Outcome
from syncer.domain.streams.stream import Mode
from syncer.sync.busy_streams import busy_attempts
from syncer.sync.context import Result, SyncContext
from syncer.sync.integrations import Integrations
from syncer.sync.run import run_stream

_T = TypeVar("_T")


async def run_streams(
    context: SyncContext, integrations: Integrations, keys: Sequence[StreamKey], mode: Mode, concurrency: int
) -> list[Result]:
    """Run the streams in this order, at most so many at once; one result each, in the same order.

    A stream that another runner has is waited for, for at most one lease. Raises KeyRefused and
    DatabaseError; the runs under way are then stopped where they stand.
    """
    results = await several_at_once(
        keys, lambda key: _run(context, integrations, key, mode), concurrency, context.stopping
    )
    return [results.get(key) or Result(key, Outcome.STOPPED) for key in keys]


async def several_at_once(
    keys: Sequence[StreamKey],
    work: Callable[[StreamKey], Awaitable[_T]],
    concurrency: int,
    stopping: Callable[[], bool],
) -> dict[StreamKey, _T]:
    """Work on the streams in this order, at most so many at once, until stopping; give each result.

    Raises the first error of a work; the others are cancelled then.
    """
    waiting, results = list(keys)[::-1], dict[StreamKey, _T]()

    async def take() -> None:
        while waiting and not stopping():
            key = waiting.pop()
            results[key] = await work(key)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(concurrency, len(keys))):
                group.create_task(take())
    except BaseExceptionGroup as failed:
        raise _first(failed) from None
    return results


async def _run(context: SyncContext, integrations: Integrations, key: StreamKey, mode: Mode) -> Result:
    result = Result(key, Outcome.BUSY)
    async for is_last in busy_attempts(context):
        result = await run_stream(context, integrations, key, mode=mode)
        if result.outcome is not Outcome.BUSY or is_last or context.stopping():
            break
    return result


def _first(failed: BaseExceptionGroup[BaseException]) -> BaseException:
    error = failed.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
