"""Rate limit of requests: a few at once, then one after the other, in the order in which they came."""

from __future__ import annotations

import asyncio
from collections import deque

from syncer.http_server.token_bucket import TokenBucket

#: Requests that are answered at once after a pause.
BURST = 20


class Turns:
    """Queue of requests that wait to be answered.

    A flood of requests so takes a small share of the loop's time; what else runs there goes on.
    """

    def __init__(self, rate: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._bucket = TokenBucket(rate, BURST, self._loop.time())
        self._waiting: deque[asyncio.Future[bool]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def take(self) -> asyncio.Future[bool]:
        """Queue for a turn: True once it has come. Set it to False to leave the queue."""
        turn: asyncio.Future[bool] = self._loop.create_future()
        self._waiting.append(turn)
        if self._timer is None:
            self._give()
        return turn

    def _give(self) -> None:
        self._timer = None
        while self._waiting:
            if self._waiting[0].done():
                self._waiting.popleft()
            elif delay := self._bucket.delay(self._loop.time()):
                self._timer = self._loop.call_later(delay, self._give)
                return
            else:
                self._bucket.take()
                self._waiting.popleft().set_result(True)
