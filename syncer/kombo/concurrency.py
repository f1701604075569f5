"""Limit the concurrent calls of the tool behind an integration.

Kombo caps the calls under way against one integration's tool and turns the others away at once; lists of
models do not count (docs.kombo.dev, "Concurrency limiting").
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager


class Slots:
    """Concurrency limiter for the calls of this process to the tool of one integration.

    Where a response said that no slot is left, the next call waits until one of ours has ended and told of
    free slots, or until none of ours is in flight: others' calls cannot be waited for. After a 429 for
    concurrency all calls of the integration back off, not only the one that got it.
    """

    def __init__(self) -> None:
        self._under_way = 0
        self._resting = 0
        self._is_full = False
        self._changed = asyncio.Event()

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Wait for a slot and keep it while the block runs."""
        while not self._is_free():
            await self._changed.wait()
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1
            self._look_again()

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Let no call begin while the block runs."""
        self._resting += 1
        try:
            yield
        finally:
            self._resting -= 1
            self._look_again()

    def told(self, free: int | None) -> None:
        """Note how many slots an answer said are left; None: it did not say."""
        if free is not None:
            self._is_full = free == 0

    def _is_free(self) -> bool:
        return not self._resting and (not self._is_full or not self._under_way)

    def _look_again(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
