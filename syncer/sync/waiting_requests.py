"""Requests of one purpose that wait for a permit, in the order in which they get one."""

from __future__ import annotations

import asyncio

from msgspec import Struct

from syncer.domain.ratelimit.budget import Permit, Purpose
from syncer.domain.scheduling.fairness import RoundRobinQueue


class Waiter(Struct, frozen=True, eq=False):
    """Queued request for a permit."""

    purpose: Purpose
    integration_id: str | None
    model_name: str | None
    permit: asyncio.Future[Permit]
    is_first: bool = False


class WaitingRequests:
    """Queued requests of one purpose: those that an application waits for, then the others."""

    def __init__(self) -> None:
        self._first: RoundRobinQueue[Waiter] = RoundRobinQueue()
        self._others: RoundRobinQueue[Waiter] = RoundRobinQueue()

    def __len__(self) -> int:
        return len(self._first) + len(self._others)

    def add(self, waiter: Waiter) -> None:
        """Queue a request."""
        self._of(waiter).add(waiter.integration_id, waiter.model_name, waiter)

    def pop(self) -> Waiter:
        """Take the request whose turn it is."""
        return (self._first or self._others).pop()

    def remove(self, waiter: Waiter) -> None:
        """Take a request out, if it is still there."""
        self._of(waiter).remove(waiter.integration_id, waiter.model_name, waiter)

    def fail(self, error: BaseException | None) -> None:
        """Fail all with the error, or cancel them where there is none."""
        while self:
            permit = self.pop().permit
            if permit.done():
                continue
            if error is None:
                permit.cancel()
            else:
                permit.set_exception(error)

    def _of(self, waiter: Waiter) -> RoundRobinQueue[Waiter]:
        return self._first if waiter.is_first else self._others
