"""The way to a permit: every request of this process passes here, and asks the shared budget."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import blake2b

from syncer.domain.ratelimit import budget
from syncer.domain.ratelimit import responses as answers
from syncer.domain.ratelimit.budget import Budget, Pacing, Permit, Purpose, Rate, Reserve
from syncer.domain.scheduling.fairness import Turns
from syncer.store.db.database import Database
from syncer.store.state.budget import change_budget

#: Seconds to wait after a 429 that names no reset.
UNNAMED_RESET = 5.0
#: Seconds after which those who wait look again: other processes may have learnt that there is room.
LOOK_AGAIN = 1.0
#: Seconds in which the next request often follows an answer: both need one transaction then.
SHORTLY = 0.02


def fingerprint(api_key: str) -> str:
    """A name for the key's budget row that does not give the key away."""
    return blake2b(api_key.encode(), digest_size=8, person=b"syncer-budget").hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class _Waiter:
    """A request that wants a permit, and its place in line."""

    purpose: Purpose
    integration_id: str | None
    model_name: str | None
    permit: asyncio.Future[Permit]


#: What an answer does to the budget.
_News = Callable[[Budget, float], Budget]


class BudgetGate:
    """Permits from the budget that all processes of the database share.

    One task asks for all who wait in this process, while there are any: the more urgent purpose goes first;
    within one, integrations take turns, and the models of each. One transaction takes as many permits as it
    can get and tells the budget what answers have said meanwhile: nobody waits for that, and before the next
    permit it is told. owner: the name of this process.
    """

    def __init__(
        self,
        database: Database,
        environment: str,
        key_fingerprint: str,
        reserve: Reserve,
        sleep: Callable[[float], Awaitable[None]],
        *,
        pacing: Pacing = "burst",
        owner: str = "",
    ) -> None:
        self._database = database
        self._environment = environment
        self._fingerprint = key_fingerprint
        self._reserve = reserve
        self._pacing = pacing
        self._owner = owner
        self._sleep = sleep
        self._turns: dict[Purpose, Turns[_Waiter]] = {purpose: Turns() for purpose in Purpose}
        self._news: list[_News] = []
        #: The most urgent purpose that has to wait: those before it may be in luck.
        self._blocked: Purpose | None = None
        self._woken = asyncio.Event()
        self._is_closing = False
        self._asker: asyncio.Task[None] | None = None

    async def permit(self, purpose: Purpose, integration_id: str | None, model_name: str | None) -> Permit:
        """Wait for leave to send one request. Raises DatabaseError."""
        waiter = _Waiter(purpose, integration_id, model_name, asyncio.get_running_loop().create_future())
        self._turns[purpose].add(integration_id, model_name, waiter)
        if self._blocked is None or purpose < self._blocked:
            self._wake()
        try:
            return await waiter.permit
        except asyncio.CancelledError:
            if waiter.permit.done() and not waiter.permit.cancelled() and not waiter.permit.exception():
                self._give(waiter.permit.result())
            self._turns[purpose].remove(integration_id, model_name, waiter)
            self._wake()
            raise

    def answered(self, permit: Permit, rate: Rate | None) -> None:
        """Have the budget told what an answer said of it."""
        self._tell(lambda before, now: answers.answered(before, now, permit, rate))

    def refused(self, permit: Permit, rate: Rate | None, reset: float | None) -> None:
        """Have the budget told of a 429; reset in seconds."""
        named = UNNAMED_RESET if reset is None else reset
        self._tell(lambda before, now: answers.refused(before, now, permit, rate, named))

    async def aclose(self) -> None:
        """Wait until the budget has been told all answers, or cannot be."""
        self._is_closing = True
        self._woken.set()
        if self._asker is not None:
            await asyncio.wait({self._asker})

    def _tell(self, news: _News) -> None:
        self._news.append(news)
        self._wake()

    def _give(self, permit: Permit) -> None:
        """To the next in turn that it is good for; where there is none it is spent."""
        for purpose in Purpose:
            while purpose <= permit.purpose and self._turns[purpose]:
                waiter = self._turns[purpose].pop()
                if not waiter.permit.done():
                    waiter.permit.set_result(permit)
                    return
        self.answered(permit, None)

    def _wake(self) -> None:
        self._woken.set()
        if self._asker is None:
            self._asker = asyncio.create_task(self._ask())

    async def _ask(self) -> None:
        """Ask for all who wait, and tell the news, until there is neither."""
        try:
            while self._news or any(self._turns.values()):
                if not any(self._turns.values()) and not self._is_closing:
                    await self._pause_shortly()
                told = len(self._news)
                wanted = {purpose: len(turns) for purpose, turns in self._turns.items() if turns}
                permits, wait = await self._take(self._news[:told], wanted)
                del self._news[:told]
                for permit in permits:
                    self._give(permit)
                if wait is not None:
                    given = Counter(permit.purpose for permit in permits)
                    blocked = min(purpose for purpose, count in wanted.items() if count > given[purpose])
                    await self._pause(min(wait, LOOK_AGAIN), blocked)
        except asyncio.CancelledError:
            self._fail(None)
            raise
        except BaseException as error:
            # It is for those who wait. The news are told with what is asked for next.
            self._fail(error)
        finally:
            self._asker = None

    async def _take(self, news: list[_News], wanted: dict[Purpose, int]) -> tuple[list[Permit], float | None]:
        """One transaction: permits, and the seconds to wait where they were not enough."""

        def decide(before: Budget, now: float) -> tuple[Budget, tuple[list[Permit], float | None]]:
            for each in news:
                before = each(before, now)
            after, permits, wait = budget.take_several(
                before, now, wanted, self._reserve, self._pacing, self._owner
            )
            return after, (permits, wait)

        return await self._database.write(
            lambda connection: change_budget(
                connection, self._environment, self._fingerprint, self._database.clock_offset, decide
            )
        )

    async def _pause_shortly(self) -> None:
        """Wait for the request that follows an answer, but not for long: other processes want to know it."""
        self._woken.clear()
        await self._nap(SHORTLY)

    async def _pause(self, seconds: float, blocked: Purpose) -> None:
        """Wait so long, or for news, or for somebody more urgent than those who have to wait."""
        self._woken.clear()
        most_urgent = min((purpose for purpose, turns in self._turns.items() if turns), default=None)
        if self._news or most_urgent is None or most_urgent < blocked:
            return
        self._blocked = blocked
        try:
            await self._nap(seconds)
        finally:
            self._blocked = None

    async def _nap(self, seconds: float) -> None:
        """Wait so long, or until woken."""
        timer = asyncio.ensure_future(self._sleep(seconds))
        woken = asyncio.ensure_future(self._woken.wait())
        try:
            await asyncio.wait((timer, woken), return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            woken.cancel()

    def _fail(self, error: BaseException | None) -> None:
        """Let all who wait hear of the error, or of the end where there is none."""
        for turns in self._turns.values():
            while turns:
                waiting = turns.pop().permit
                if waiting.done():
                    continue
                if error is None:
                    waiting.cancel()
                else:
                    waiting.set_exception(error)
