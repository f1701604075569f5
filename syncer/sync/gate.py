"""The way to a permit: every request of this process passes here, and asks the shared budget."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import TypeVar

from syncer.domain import budget as rules
from syncer.domain.budget import Budget, Permit, Purpose, Rate, Reserve
from syncer.store.budget import change_budget
from syncer.store.database import Database

#: Seconds to wait after a 429 that names no reset.
UNNAMED_RESET = 5.0

_T = TypeVar("_T")


def fingerprint(api_key: str) -> str:
    """A name for the key's budget row that does not give the key away."""
    return blake2b(api_key.encode(), digest_size=8, person=b"syncer-budget").hexdigest()


class BudgetGate:
    """Permits from the budget that all processes of the database share.

    In this process one request per purpose asks at a time, in the order of arrival, so that streams take
    turns; those of a less urgent purpose stand back while a more urgent one waits.
    """

    def __init__(
        self,
        database: Database,
        environment: str,
        key_fingerprint: str,
        reserve: Reserve,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._database = database
        self._environment = environment
        self._fingerprint = key_fingerprint
        self._reserve = reserve
        self._sleep = sleep
        self._turn = {purpose: asyncio.Lock() for purpose in Purpose}
        self._waiting = dict.fromkeys(Purpose, 0)

    async def permit(self, purpose: Purpose, integration_id: str | None) -> Permit:
        """Wait for leave to send one request."""
        self._waiting[purpose] += 1
        try:
            async with self._turn[purpose]:
                while True:
                    answer: Permit | float = rules.PROBE_POLL
                    if not any(self._waiting[other] for other in Purpose if other < purpose):
                        answer = await self._change(
                            lambda budget, now: rules.take(budget, now, purpose, self._reserve)
                        )
                    if isinstance(answer, Permit):
                        return answer
                    await self._sleep(answer)
        finally:
            self._waiting[purpose] -= 1

    async def answered(self, permit: Permit, rate: Rate | None) -> None:
        """Tell the budget what an answer said of it."""
        await self._change(lambda budget, now: (rules.answered(budget, now, permit, rate), None))

    async def refused(self, permit: Permit, rate: Rate | None, reset: float | None) -> None:
        """Tell the budget of a 429; reset in seconds."""
        named = UNNAMED_RESET if reset is None else reset
        await self._change(lambda budget, now: (rules.refused(budget, now, permit, rate, named), None))

    async def _change(self, decide: Callable[[Budget, float], tuple[Budget, _T]]) -> _T:
        return await self._database.write(
            lambda connection: change_budget(
                connection,
                self._environment,
                self._fingerprint,
                self._database.now(connection),
                decide,
            )
        )
