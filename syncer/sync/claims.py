"""Claims of one process, one at a time: what it wants to work on it takes from others who want the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from syncer.domain.errors import Busy

_T = TypeVar("_T")


class Claims:
    """Claims of streams that were found due together, which other processes have found as well.

    One that is lost shows that somebody else is claiming the same: those that wait behind it are given up,
    and the next look asks only for what is still there. Else each process would ask for all of it.
    lost: how many were lost so far.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self.lost = 0

    async def take(self, claim: Callable[[], Awaitable[_T]]) -> _T:
        """Claim when it is its turn. Raises Busy where it is lost, or was given up."""
        lost = self.lost
        async with self._turn:
            if self.lost != lost:
                raise Busy("Another runner claims the same streams: look again at what is due.")
            try:
                return await claim()
            except Busy:
                self.lost += 1
                raise
